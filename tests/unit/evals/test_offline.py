"""The suites need nothing but this machine, and tell nobody (R10.2)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DATA = ROOT / "evals" / "data"


@pytest.fixture
def few_rows(tmp_path: Path) -> Path:
    """Some rows of each file, of every kind."""
    for source, name, every in (("answers_pack", "answers", 30), ("retrieval_pack", "fitted", 40)):
        lines = (DATA / f"{source}.jsonl").read_text().splitlines()
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines[::every]))
    questions = (DATA / "questions_pack.jsonl").read_text().splitlines()
    (tmp_path / "questions.jsonl").write_text("\n".join(questions[::15]))
    return tmp_path


@pytest.mark.heavy
def test_no_suite_calls_anybody_whatever_is_traced(few_rows: Path) -> None:
    """RAGAS sends usage events, LangChain hands texts to LangSmith: neither happens, and nothing is left at home."""
    environment = {
        **os.environ,
        "HOME": str(few_rows),
        "XDG_DATA_HOME": str(few_rows / "share"),
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_API_KEY": "key",
        "LANGSMITH_ENDPOINT": "https://traces.invalid",
    }
    environment.pop("RAGAS_DO_NOT_TRACK", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.evals.offline_program", str(few_rows)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["control"] == ["192.0.2.1"]
    assert told["calls"] == []
    assert told["figures"]["test.context_recall"] > 0
    assert not (few_rows / "share" / "ragas").exists()


WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"ragas", "rapidfuzz", "matplotlib", "langchain", "langchain_community"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from commands.main import main
main(sys.argv[1:])
"""


def without_the_extra(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=170
    )


@pytest.mark.parametrize("suite", ["retrieval", "answers"])
def test_without_the_extra_the_suites_say_what_to_install(suite: str) -> None:
    done = without_the_extra("eval", "run", "--suite", suite)

    assert done.returncode == 1
    assert done.stderr.strip().endswith('install it with: pip install "frontdesk[evals]"')


def test_without_the_extra_there_is_no_report_and_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "pii.jsonl").write_text('{"text": "hello"}')
    words = ("eval", "run", "--suite", "redaction", "--data", str(tmp_path / "pii.jsonl"))
    done = without_the_extra(*words, "--report", str(tmp_path / "report"))

    assert done.returncode == 1
    assert 'pip install "frontdesk[evals]"' in done.stderr
    assert without_the_extra(*words, "--json").returncode == 0


def test_files_are_measured_without_the_extra(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"id": "returns", "title": "Returns", "content": "Send items back in 30 days."}')
    (tmp_path / "q.jsonl").write_text('{"text": "send items back", "relevant": ["returns"]}')
    done = without_the_extra(
        "eval", "run", "--suite", "retrieval", "--corpus", str(tmp_path / "c.jsonl"), "--queries",
        str(tmp_path / "q.jsonl"), "--json",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["figures"]["recall_at_1"] == 1.0


def test_the_product_does_not_import_what_only_evals_need() -> None:
    program = (
        "import sys, commands.main, graph.bootstrap, server.app\n"
        "print([name for name in ('ragas', 'matplotlib', 'instructor', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
