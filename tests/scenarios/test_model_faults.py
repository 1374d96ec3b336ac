"""The model provider misbehaves; the customer gets an honest answer all the same (R3.2, R3.3, R12.4)."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from desk.config.settings import Settings
from graph.bootstrap import open_desk
from tests.fakes.model_server import scripted_model
from tests.scenarios.conftest import Heard, Shop


async def _answer(script: str, database_url: str, folder: Path, **by_call: str) -> tuple[Heard, int]:
    """What is heard when the provider follows a script, and how often it was called."""
    with scripted_model(script, **by_call) as server:
        settings = Settings(
            database_url=database_url,
            data_dir=folder,
            secret_key=SecretStr("s" * 40),
            openai_api_key=SecretStr("sk-test"),
            openai_base_url=server.base_url,
            model_timeout=1,  # type: ignore[arg-type]
        )
        async with open_desk(settings, demo=True) as desk:
            customer = await Shop(desk=desk).customer()
            heard = await customer.says("what is your returns policy?")
        return heard, len(server.requests)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "scenario-data"


async def test_a_model_that_works_understands_and_answers(empty_database_url: str, folder: Path) -> None:
    heard, calls = await _answer("sensible", empty_database_url, folder)

    assert calls == 2
    assert heard.outcome == "answered"
    assert heard.sources == ["returns-policy"]


@pytest.mark.parametrize(
    "script", ["server_error", "rate_limited", "garbage_bytes", "truncated_json", "refusal", "hang", "unknown_intent"]
)
async def test_a_model_that_fails_costs_no_answer(empty_database_url: str, folder: Path, script: str) -> None:
    """J02: the offline engine answers, from the same articles."""
    heard, calls = await _answer(script, empty_database_url, folder)

    assert calls >= 1
    assert heard.outcome == "answered"
    assert "30 days" in heard.text
    assert heard.sources == ["returns-policy"]


@pytest.mark.parametrize("script", ["reset", "finish_length", "finish_content_filter", "endless_fast", "endless_slow"])
async def test_an_answer_that_breaks_off_is_told_again_whole(
    empty_database_url: str, folder: Path, script: str
) -> None:
    """J01, J02: pieces of the broken answer belong to another message, and none of them is final."""
    heard, _ = await _answer("sensible", empty_database_url, folder, answer=script)
    message = heard.of("message.completed")[0]
    pieces = [piece["text"] for piece in heard.of("message.delta") if piece["message_id"] == message["message_id"]]

    assert heard.outcome == "answered"
    assert "30 days" in heard.text
    assert "".join(pieces) == message["text"]
