"""``frontdesk eval run``, ``compare`` and ``accept`` (R10.2, R10.3)."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest

from commands.main import main
from desk.domain.errors import ConfigurationError, InvalidRequest
from evals.comparing import compare, regressions
from evals.figures import meaning
from evals.report.files import FORMAT, Run, read_run, write_baseline, write_run
from evals.report.writing import write_report
from evals.result import SuiteResult, printed
from evals.run import Ask, Files, run_suite
from evals.thresholds import Limit, limits, misses

LIMITS = {"answers": {"right": Limit(min=0.8, tolerance=0.02), "judge_not_judged": Limit(max=0.1)}}


def result(*, rows: dict[str, float] | None = None, **figures: float) -> SuiteResult:
    found: SuiteResult = {
        "suite": "answers", "engine": "offline", "rows": 1, "figures": dict(figures), "failures": [],
    }  # fmt: skip
    if rows is not None:
        found["scores"] = {"right": rows}
        found["figures"]["right"] = sum(rows.values()) / len(rows)
    return found


def run_of(*results: SuiteResult, **others: Any) -> Run:
    head = {"format": FORMAT, "at": "2026-11-24T10:00:00Z", "pack": "shop 1", "judge": None}
    return cast(Run, head | {"suites": [*results]} | others)


def right(number: int, *, of: int) -> dict[str, float]:
    return {f"q{row}": float(row < number) for row in range(of)}


def test_a_figure_below_its_threshold_is_told() -> None:
    assert misses(result(right=0.2), wanted=LIMITS["answers"]) == ["answers: right is 0.2000, at least 0.8 is wanted"]
    assert misses(result(right=0.8), wanted=LIMITS["answers"]) == []


def test_a_figure_with_a_threshold_that_was_not_measured_is_told() -> None:
    assert misses(result(), wanted=LIMITS["answers"]) == ["answers: right has a threshold and was not measured"]


def test_a_judge_that_says_little_fails_the_run_with_its_reasons() -> None:
    found = result(right=1.0, judge_not_judged=0.2)
    found["not_judged"] = {"q1": "timeout: faithfulness; garbage: context_recall", "q2": "timeout: faithfulness"}

    (sentence,) = misses(found, wanted=LIMITS["answers"])

    assert "nothing usable about 2 answers (garbage 1, timeout 2)" in sentence


def test_the_thresholds_of_the_repository_are_limits() -> None:
    assert limits()["retrieval"]["filters_held"].holds(1.0)
    assert not limits()["classifier"]["calibration_error"].holds(0.9)


def test_every_figure_with_a_threshold_is_explained_in_the_report() -> None:
    wanted = [(suite, figure) for suite, figures in limits().items() for figure in figures]

    assert [(suite, figure) for suite, figure in wanted if not meaning(suite, figure)] == []


@pytest.mark.parametrize("text", ["a: {b: {min: 1, max: 2}}", "a: {b: {tolerance: 1}}", "a: {b: {mim: 1}}", "a: 3"])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "thresholds.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"thresholds\.yaml"):
        limits(tmp_path / "thresholds.yaml")


def test_a_loss_beyond_the_tolerance_that_is_more_than_chance_is_a_regression() -> None:
    (change,) = compare([result(rows=right(90, of=100))], [result(rows=right(80, of=100))], limits=LIMITS)

    assert change["regression"]
    assert change["lost"] == [f"q{row}" for row in range(80, 90)]
    assert change["interval"][0] < -0.1 < change["interval"][1] < 0
    assert "went from 0.9000 to 0.8000 (-0.1000 over 100 shared rows" in regressions([change])[0]


def test_three_rows_of_a_hundred_are_not_called_a_regression() -> None:
    (change,) = compare([result(rows=right(90, of=100))], [result(rows=right(87, of=100))], limits=LIMITS)

    assert change["difference"] == pytest.approx(-0.03)
    assert (change["clear"], change["regression"]) == (False, False)


def test_new_rows_that_are_harder_are_no_regression() -> None:
    harder = right(90, of=100) | {f"new{row}": 0.0 for row in range(50)}
    (change,) = compare([result(rows=right(90, of=100))], [result(rows=harder)], limits=LIMITS)

    assert change["after"] < 0.7
    assert (change["rows"], change["difference"], change["regression"]) == (100, 0, False)


def test_a_figure_without_rows_is_compared_by_its_tolerance_alone() -> None:
    assert compare([result(right=0.9)], [result(right=0.87)], limits=LIMITS)[0]["regression"]
    assert not compare([result(right=0.9)], [result(right=0.89)], limits=LIMITS)[0]["regression"]


def test_another_engine_is_another_measurement() -> None:
    other = result(right=0.2)
    other["engine"] = "openai"

    assert compare([result(right=0.9)], [other], limits=LIMITS) == []


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = run_of(result(rows=right(2, of=3)))
    write_run(run, tmp_path / "report.json")
    write_baseline(run, tmp_path / "baseline.json")

    assert read_run(tmp_path / "report.json")["suites"][0]["scores"] == {"right": {"q0": 1, "q1": 1, "q2": 0}}
    assert '"right": {"q0": 1, "q1": 1, "q2": 0}' in (tmp_path / "baseline.json").read_text()
    assert "failures" not in read_run(tmp_path / "baseline.json")["suites"][0]


@pytest.mark.parametrize("text", ["not json", "[]", '{"format": 0, "suites": []}', '{"format": 1, "suites": [{}]}'])
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InvalidRequest, match=r"x\.json: "):
        read_run(tmp_path / "x.json")


HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


class Reader(HTMLParser):
    """What a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [
            value or "" for name, value in attrs if name in {"src", "href"} and not (value or "").startswith("#")
        ]


def test_the_report_says_what_failed_and_loads_nothing(tmp_path: Path) -> None:
    found = result(rows=right(1, of=3))
    found["failures"] = [
        {"id": "q1", "text": HOSTILE, "wrong": [f"lacks {HOSTILE}"], "answer": HOSTILE,
         "passages": [{"chunk": "a@1#x", "score": 0.5, "text": HOSTILE}]}
    ]  # fmt: skip
    found["plots"] = [
        {"kind": "histogram", "title": HOSTILE, "axis": "x", "groups": {"a": [0.1, 0.9], "none": []}, "line": 0.5},
        {"kind": "lines", "title": "t", "axes": ("x", "y"), "groups": {"a": [(0.0, 0.0), (1.0, 1.0)]}, "marks": {}},
    ]
    found["not_judged"] = {"q2": "timeout: faithfulness"}
    before = result(rows=right(3, of=3))
    run = run_of(
        found, misses=["answers: right is too low"], baseline="2026-11-01T00:00:00Z", regressions=[],
        changes=compare([before], [found], limits=LIMITS),
    )  # fmt: skip

    text = write_report(run, tmp_path / "new" / "folder", limits=LIMITS).read_text()
    seen = Reader()
    seen.feed(text)

    assert "1 threshold missed" in text
    assert "answers: right is too low" in text
    assert "1 answer not judged" in text
    assert seen.tags.count("svg") == 3
    assert seen.tags.count("script") == 1
    assert "img" not in seen.tags
    assert seen.loads == []
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert read_run(tmp_path / "new" / "folder" / "report.json")["pack"] == "shop 1"


def test_charts_take_their_colours_from_the_page(tmp_path: Path) -> None:
    """They read in the light and in the dark."""
    found = result(rows=right(1, of=3))
    text = write_report(run_of(found), tmp_path, limits=LIMITS).read_text()
    svg = text[text.index("<svg") : text.index("</svg>")]

    assert "var(--bad)" in svg
    assert re.findall(r"#[0-9a-fA-F]{6}\b", svg) == []


def test_an_unknown_suite_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest, match=r"There is no suite nonsense; there are .*retrieval.*answers"):
        run_suite("nonsense", Ask())


def test_a_suite_that_lacks_its_files_says_which() -> None:
    with pytest.raises(InvalidRequest, match="--corpus and --queries"):
        run_suite("retrieval", Ask(files=Files(corpus=Path("c.jsonl"))))


def command(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as stopped:
        main(["eval", *words])
    return stopped.value.code


def card_rows(tmp_path: Path) -> Path:
    file = tmp_path / "pii.jsonl"
    row = {"text": "card 4111 1111 1111 1111", "label": [{"type": "card", "start": 5, "end": 24}]}
    file.write_text(json.dumps(row))
    return file


def test_the_command_prints_figures_of_a_file_as_the_contract_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("run", "--suite", "redaction", "--data", str(card_rows(tmp_path)), "--json") == 0
    shown = json.loads(capsys.readouterr().out)

    assert list(shown) == ["suite", "engine", "rows", "figures", "failures"]
    assert shown["rows"] == 1
    assert shown["figures"]["card_recall"] == 1.0


def test_the_command_names_file_and_line_of_a_bad_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a", "label": "x"}\nnot json\n')

    assert command("run", "--suite", "classifier", "--train", str(file), "--test", str(file)) == 1
    assert "rows.jsonl" in capsys.readouterr().err


def test_the_command_writes_a_report_and_compares_with_a_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(card_rows(tmp_path))
    command("run", "--suite", "redaction", "--data", data, "--report", str(tmp_path / "one"))
    assert command("accept", str(tmp_path / "one" / "report.json"), "--to", str(tmp_path / "base.json")) in (0, None)
    base = str(tmp_path / "base.json")
    command("run", "--suite", "redaction", "--data", data, "--report", str(tmp_path / "two"), "--baseline", base)

    assert str(tmp_path / "two" / "report.html") in capsys.readouterr().err
    compared = read_run(tmp_path / "two" / "report.json")
    assert {change["difference"] for change in compared["changes"] if "ms" not in change["figure"]} == {0}


def test_comparing_a_run_with_a_better_one_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    better, worse = tmp_path / "a.json", tmp_path / "b.json"
    write_run(run_of(result(rows=right(140, of=151))), better)
    write_run(run_of(result(rows=right(100, of=151))), worse)

    assert command("compare", str(better), str(worse), "--json") == 1
    shown = json.loads(capsys.readouterr().out)
    assert [change["regression"] for change in shown["changes"]] == [True]
    assert command("compare", str(worse), str(better)) == 0


def test_only_the_figures_of_the_contract_are_printed() -> None:
    assert "scores" not in printed(result(rows=right(1, of=2)))
