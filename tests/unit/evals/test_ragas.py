"""RAGAS' metrics as the suites use them, with and without a judge (R10.1, R10.2)."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from commands.main import main
from desk.config.settings import Settings, load_settings
from desk.domain.errors import ConfigurationError
from desk.policies.loader import load_pack
from evals.ragas_judge import FIGURES, GIVE_UP, JudgedRow, Judgement, judge_from, judged
from evals.ragas_metrics import AnswerMetrics, ContextMetrics, ProductEmbeddings
from evals.suites import answers
from retrieval.embeddings import LocalEmbedding
from tests.fakes.model_server import ModelServer, scripted_model

TEXTS = ["We take returns within 30 days.", "Express shipping takes one day.", "Candles that were lit stay with you."]


def embeddings() -> ProductEmbeddings:
    return ProductEmbeddings(LocalEmbedding.fitted(TEXTS))


async def test_context_precision_falls_when_the_right_passage_comes_late() -> None:
    metrics = ContextMetrics()
    first = await metrics.precision(TEXTS, reference=TEXTS[:1])
    last = await metrics.precision(TEXTS[::-1], reference=TEXTS[:1])

    assert first == pytest.approx(1.0)
    assert last == pytest.approx(1 / 3)


async def test_context_recall_is_the_share_of_the_reference_that_was_found() -> None:
    metrics = ContextMetrics()

    assert await metrics.recall(TEXTS[1:], reference=TEXTS[:2]) == 0.5
    assert await metrics.recall([], reference=TEXTS[:2]) == 0.0


async def test_a_chunk_of_half_a_section_is_not_the_section() -> None:
    whole = "\n".join(TEXTS)

    assert await ContextMetrics().recall([TEXTS[0]], reference=[whole]) == 0.0
    assert await ContextMetrics().recall(["\n".join(TEXTS[:2])], reference=[whole]) == 1.0


async def test_an_answer_in_other_words_is_near_in_meaning_and_one_about_something_else_is_not() -> None:
    known = embeddings()
    await known.prepare([*TEXTS, "returns: 30 days", "Zebras!"])
    metrics = AnswerMetrics(known)

    near = await metrics.semantic_similarity("returns: 30 days", reference=TEXTS[0])
    assert near > 0.5 > await metrics.semantic_similarity(TEXTS[1], reference=TEXTS[0])
    assert await metrics.semantic_similarity("Zebras!", reference=TEXTS[0]) == 0.0
    assert await metrics.string_similarity(TEXTS[0], reference=TEXTS[0]) == 1.0


@asynccontextmanager
async def judging(
    script: str, rows: list[JudgedRow], *, seconds: float = 12
) -> AsyncIterator[tuple[Judgement, ModelServer]]:
    with scripted_model(script) as server:
        settings = Settings(
            judge_model="judge-1",
            openai_api_key=SecretStr("key"),
            openai_base_url=server.base_url,
            model_timeout=timedelta(seconds=seconds),
        )
        judge = judge_from(settings)
        assert judge is not None
        yield await judged(rows, judge=judge, embeddings=embeddings()), server
        await judge.aclose()


def row(number: int = 1, *, answer: str = f"{TEXTS[0]} {TEXTS[1]}") -> JudgedRow:
    return JudgedRow(
        id=f"q{number}",
        question="How long do returns take?",
        answer=answer,
        reference=TEXTS[0],
        contexts=(TEXTS[0], TEXTS[2]),
    )


async def test_a_judge_tells_what_is_faithful_and_found() -> None:
    async with judging("judge", [row()]) as (judgement, server):
        values = {figure: by_row["q1"] for figure, by_row in judgement.scores.items()}

        assert values["judge_faithfulness"] == 0.5
        assert values["judge_context_precision"] == pytest.approx(1.0)
        assert values["judge_context_recall"] == 1.0
        assert 0 < values["judge_answer_relevancy"] <= 1
        assert judgement.not_judged == {}
        assert {request.body["model"] for request in server.requests} == {"judge-1"}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("judge_prose", "garbage"),
        ("judge_beyond", "garbage"),
        ("rate_limited", "rate_limited"),
        ("server_error", "server_error"),
        ("refusal", "refused"),
        ("hang", "timeout"),
        ("garbage_bytes", "garbage"),
        ("html", "garbage"),
        ("empty_answer", "garbage"),
    ],
)
async def test_what_a_broken_judge_says_is_neither_good_nor_bad(script: str, reason: str) -> None:
    async with judging(script, [row()], seconds=0.4 if reason == "timeout" else 12) as (judgement, _):
        assert judgement.scores == {figure: {} for figure in FIGURES}
        assert list(judgement.not_judged) == ["q1"]
        assert judgement.not_judged["q1"].startswith(reason)


async def test_a_verdict_that_was_left_out_does_not_count_as_faithful() -> None:
    async with judging("judge_forgets", [row()]) as (judgement, _):
        assert judgement.scores["judge_faithfulness"] == {}
        assert judgement.scores["judge_context_recall"] == {"q1": 1.0}
        assert judgement.not_judged == {"q1": "garbage: faithfulness"}


async def test_a_judge_that_is_away_is_not_asked_for_every_row() -> None:
    async with judging("server_error", [row(number) for number in range(40)]) as (judgement, server):
        assert len(judgement.not_judged) == 40
        assert len(server.requests) < 2 * GIVE_UP
        assert any(reason.startswith("given up") for reason in judgement.not_judged.values())


def test_a_judge_without_a_key_is_told_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="FRONTDESK_JUDGE_MODEL needs OPENAI_API_KEY"):
        judge_from(Settings(judge_model="judge-1", openai_api_key=None))
    assert judge_from(Settings(judge_model=None)) is None


PACK = Path(__file__).parents[3] / "packs" / "retail"
DATA = Path(__file__).parents[3] / "evals" / "data"


@pytest.fixture
def judged_by(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModelServer]]:
    """The judge of the settings is a scripted one."""
    with ExitStack() as stack:

        def start(script: str) -> ModelServer:
            server = stack.enter_context(scripted_model(script))
            monkeypatch.setenv("FRONTDESK_JUDGE_MODEL", "judge-1")
            monkeypatch.setenv("OPENAI_API_KEY", "key")
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            return server

        yield start


def test_the_suite_has_the_same_figures_with_a_judge_and_the_judge_s_beside_them(
    judged_by: Callable[[str], ModelServer], tmp_path: Path
) -> None:
    lines = (DATA / "questions_pack.jsonl").read_text().splitlines()
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "questions.jsonl").write_text("\n".join(lines[:60:6]))
    files = {"rows": tmp_path / "rows.jsonl", "questions": tmp_path / "questions.jsonl"}
    policies = load_pack(PACK)
    alone = answers.run_pack(policies, **files)
    judged_by("judge")
    with_judge = answers.run_pack(policies, **files, judge=judge_from(load_settings()), judge_rows=3)

    timed = {"ms_per_answer"}
    extra = {*FIGURES, "judge_not_judged"}
    assert with_judge["figures"].keys() - alone["figures"].keys() == extra
    assert {figure: value for figure, value in with_judge["figures"].items() if figure not in extra | timed} == {
        figure: value for figure, value in alone["figures"].items() if figure not in timed
    }
    assert {len(with_judge["scores"][figure]) for figure in FIGURES} == {3}
    assert with_judge["figures"]["judge_not_judged"] == 0


@pytest.mark.heavy
def test_the_command_fails_with_a_sentence_when_the_judge_says_little(
    judged_by: Callable[[str], ModelServer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged_by("judge_fails_often")
    with pytest.raises(SystemExit) as stopped:
        main(["eval", "run", "--suite", "answers", "--judge-rows", "4", "--report", str(tmp_path), "--json"])

    assert stopped.value.code == 1
    assert "answers: the judge said nothing usable about 4 answers (server error" in capsys.readouterr().err
    page = (tmp_path / "report.html").read_text()
    assert "4 answers not judged" in page
    assert "judge judge-1" in page
