"""What cannot be read is a clear error with its line, never a traceback (R1.1)."""

import time
from pathlib import Path

import pytest
import yaml

from desk.policies import yaml_source
from desk.policies.loader import PACKS, check_pack
from tests.unit.policies.packs import PackCopy


def test_a_yaml_syntax_error_names_its_line(pack: PackCopy) -> None:
    """R1.1"""
    line = pack.replace("queues.yaml", "  title: Billing", '  title: "Billing')

    problem = next(problem for problem in pack.problems() if problem.startswith("queues.yaml"))

    assert "is not valid YAML" in problem
    assert int(problem.split(":")[1]) >= line


def test_a_syntax_error_in_front_matter_counts_from_the_top_of_the_file(pack: PackCopy) -> None:
    """R1.1: line 1 is the opening ---."""
    line = pack.replace("knowledge/harbor-club.md", "title: Harbor Club", "title: Harbor: Club")

    assert pack.problems()[-1].startswith(f"knowledge/harbor-club.md:{line}: is not valid YAML")


def test_a_wrong_key_in_front_matter_names_its_line(pack: PackCopy) -> None:
    """R1.1, R4.1"""
    line = pack.replace("knowledge/harbor-club.md", "review_cadence: 6m", "review_cadence: often")

    assert pack.only_problem().startswith(
        f"knowledge/harbor-club.md:{line}: review_cadence: 'often' does not have the form"
    )


def test_an_article_without_front_matter_says_what_to_write(pack: PackCopy) -> None:
    """R4.1"""
    pack.append("knowledge/loose.md", "# Just text\n")

    assert "knowledge/loose.md:1: has no front matter; open the file" in pack.only_problem()


def test_a_key_written_twice_names_both_lines(pack: PackCopy) -> None:
    """R1.1: a parser that lets the last one win would hide it."""
    first = pack.line_of("intents/greeting.yaml", "level: 0")
    line = pack.append("intents/greeting.yaml", "level: 1\n")

    assert pack.only_problem().startswith(
        f"intents/greeting.yaml:{line}: level: is there twice (first in line {first}); keep one"
    )


def test_a_file_that_is_not_utf8_names_the_line_of_the_byte(pack: PackCopy) -> None:
    """R1.1"""
    (pack.path / "replies" / "thanks.md").write_bytes(b"Thank you\nand au revoir, Chlo\xe9\n")

    assert pack.only_problem().startswith("replies/thanks.md:2: is not UTF-8 text")


def test_a_file_that_is_too_large_is_refused(pack: PackCopy) -> None:
    """R1.1"""
    pack.append("replies/thanks.md", "x" * 1_000_001)

    assert "is larger than 1000000 bytes" in pack.only_problem()


@pytest.mark.parametrize(
    "bomb",
    [
        "- &a [x, x]\n- &b [*a, *a, *a]\n- [*b, *b, *b]\n",
        "- &loop [*loop]\n",
        "- id: x\n  <<: &base {title: y}\n",
    ],
)
def test_anchors_and_aliases_are_refused_and_never_expanded(pack: PackCopy, bomb: str) -> None:
    """R1.1: a billion laughs is an error in a few milliseconds."""
    (pack.path / "queues.yaml").write_text(bomb)

    assert any(problem.startswith("queues.yaml:") and "not used in packs" in problem for problem in pack.problems())


@pytest.mark.parametrize("text", ["[" * 900_000, "- &a x\n" + "- *a\n" * 150_000, "- !x y\n" * 100_000])
def test_a_file_made_to_hurt_costs_nothing_and_is_one_problem(pack: PackCopy, text: str) -> None:
    """R1.1: nesting, aliases and tags stop the reader where they start."""
    (pack.path / "queues.yaml").write_text(text)
    started = time.process_time()

    problems = [problem for problem in pack.problems() if problem.startswith("queues.yaml")]

    assert len(problems) == 1
    assert time.process_time() - started < 2


@pytest.mark.parametrize("text", ["- !!python/object/apply:os.system ['id']\n", "- id: !!python/name:os.system x\n"])
def test_tags_that_would_make_objects_are_refused(pack: PackCopy, text: str) -> None:
    """R1.1: only plain values."""
    (pack.path / "queues.yaml").write_text(text)

    assert any("is not allowed; write a plain value" in problem for problem in pack.problems())


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "just text\n", "a: 1\n---\nb: 2\n", "\t- x\n", "? [a]\n: b\n", "\x00"]
)
def test_odd_contents_are_problems_of_that_file(pack: PackCopy, text: str) -> None:
    """R1.1"""
    (pack.path / "tools.yaml").write_text(text)

    assert any(problem.startswith("tools.yaml:") for problem in pack.problems())


def test_a_missing_file_is_named(pack: PackCopy) -> None:
    """R1.1"""
    (pack.path / "escalation.yaml").unlink()

    assert "escalation.yaml:1: is missing; every pack has one" in pack.problems()


def test_a_folder_that_is_no_pack_is_one_problem(tmp_path: Path) -> None:
    """R1.1"""
    assert [problem.split(";")[0] for problem in check_pack(tmp_path)] == ["pack.yaml:1: is missing"]


def test_a_misspelt_file_name_is_not_ignored(pack: PackCopy) -> None:
    """R1.1: a file nobody reads would be a rule nobody follows."""
    (pack.path / "refusals.yaml").rename(pack.path / "refusal.yaml")

    problems = pack.problems()

    assert any(
        problem.startswith("refusal.yaml:1: ") and "did you mean refusals.yaml?" in problem for problem in problems
    )
    assert any(problem.startswith("refusals.yaml:1: is missing") for problem in problems)


def test_hidden_files_are_no_part_of_a_pack(pack: PackCopy) -> None:
    """R1.1"""
    (pack.path / ".DS_Store").write_bytes(b"\x00\xff")

    assert pack.problems() == []


def test_an_unquoted_number_where_text_belongs_says_to_quote_it(pack: PackCopy) -> None:
    """R1.1"""
    line = pack.replace("pack.yaml", 'label: "2026.11.1"', "label: 2026.11")

    assert pack.only_problem() == f"pack.yaml:{line}: label: must be text; put the value in quotes"


def test_the_key_on_is_a_word_not_a_boolean(retail: object, pack: PackCopy) -> None:
    """R1.1: YAML 1.1 reads a bare ``on`` as true; a pack's keys are text."""
    line = pack.replace("escalation.yaml", "on: low_confidence", "on: low_confidense")

    assert any(problem.startswith(f"escalation.yaml:{line}: [1].on: ") and "did you mean low_confidence?" in problem
               for problem in pack.problems())  # fmt: skip


def test_a_python_without_the_c_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """R1.1"""
    text = (PACKS / "retail" / "tools.yaml").read_text("utf-8")
    fast = yaml_source.parse_yaml(text, file="tools.yaml", problems=[])
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    problems: list[yaml_source.Problem] = []

    assert yaml_source.parse_yaml(text, file="tools.yaml", problems=problems) == fast
    assert yaml_source.parse_yaml("\x00", file="x.yaml", problems=problems).value is None
    assert len(problems) == 1
