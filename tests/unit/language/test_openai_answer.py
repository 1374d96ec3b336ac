"""An answer streams sentence by sentence, each with the passages it cites."""

import asyncio

import pytest

from desk.domain.errors import LanguageModelFailed
from desk.language.cited_sentences import SentenceCutter
from desk.language.openai import MAX_PASSAGES
from tests.fakes.engines import QUIET, answer_of, scripted_engine
from tests.fakes.model_scripts import SCRIPTS
from tests.fakes.model_wire import Reply, chunk, say
from tests.fakes.small_pack import small_passages


def cut(text: str, *, piece: int = 1) -> list[tuple[str, list[int]]]:
    cutter = SentenceCutter()
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
    return [sentence for part in pieces for sentence in cutter.feed(part)] + list(cutter.finish())


async def test_an_answer_comes_in_sentences_with_their_sources() -> None:
    """R4.6"""
    async with scripted_engine() as (engine, _):
        parts = await answer_of(engine)

    assert parts == [
        {
            "text": "You can return an item within 30 days of delivery. ",
            "chunk_ids": ["returns@1.0#window"],
            "restart": False,
        },
        {"text": "The parcel must be in its original box.", "chunk_ids": ["returns@1.0#window"], "restart": False},
    ]


async def test_the_first_sentence_is_there_before_the_model_has_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """R3.3: no wait for the whole answer."""
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def halting(reply: Reply) -> None:
        await reply.start_events()
        await reply.event(chunk({"content": "Yes, within 30 days [1]. The "}))
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go_on.wait(), loop))
        await reply.event(chunk({"content": "box too [1]."}, finish="stop"))

    monkeypatch.setitem(SCRIPTS, "halting", halting)
    async with scripted_engine(answer="halting") as (engine, _):
        parts = aiter(engine.answer("Can I?", passages=small_passages(), context=QUIET))
        first = await anext(parts)
        go_on.set()
        rest = [part async for part in parts]

    assert first["text"] == "Yes, within 30 days. "
    assert [part["text"] for part in rest] == ["The box too."]


async def test_a_number_that_is_no_passage_cites_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """R4.6"""

    async def inventive(reply: Reply) -> None:
        await say(reply, "It is free [2][9]. It is quick [0]. It is fun.")

    monkeypatch.setitem(SCRIPTS, "inventive", inventive)
    async with scripted_engine(answer="inventive") as (engine, _):
        parts = await answer_of(engine)

    assert [(part["text"], part["chunk_ids"]) for part in parts] == [
        ("It is free. ", ["returns@1.0#costs"]),
        ("It is quick. ", []),
        ("It is fun.", []),
    ]


async def test_no_answer_in_the_passages_is_no_parts() -> None:
    """R4.4"""
    async with scripted_engine("no_answer") as (engine, _):
        assert await answer_of(engine) == []


async def test_giving_up_half_way_is_no_answer_to_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """J02"""

    async def wavering(reply: Reply) -> None:
        await say(reply, "It is free [1]. NO_ANSWER")

    monkeypatch.setitem(SCRIPTS, "wavering", wavering)
    async with scripted_engine(answer="wavering") as (engine, _):
        with pytest.raises(LanguageModelFailed) as failure:
            await answer_of(engine)

    assert failure.value.reason == "garbage"


async def test_without_passages_nobody_is_asked() -> None:
    """R4.4"""
    async with scripted_engine() as (engine, server):
        assert await answer_of(engine, passages=[]) == []

    assert server.requests == []


async def test_only_so_many_passages_are_read() -> None:
    """R6.5"""
    async with scripted_engine() as (engine, server):
        await answer_of(engine, passages=small_passages() * 10)

    assert server.requests[0].user.count("<passage number=") == MAX_PASSAGES


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One [1]. Two [2].", [("One. ", [1]), ("Two.", [2])]),
        ("One. [1] Two. [1][2]", [("One. ", [1]), ("Two.", [1, 2])]),
        ("One [1, 2]! Two?", [("One! ", [1, 2]), ("Two?", [])]),
        ("It costs 42.00 USD [1]. Fine.", [("It costs 42.00 USD. ", [1]), ("Fine.", [])]),
        ("Ask e.g. Anna or Dr. Bo [1]. Done [2].", [("Ask e.g. Anna or Dr. Bo. ", [1]), ("Done.", [2])]),
        ("Do this:\n- One [1]\n- Two [2]\n", [("Do this:\n", []), ("- One\n", [1]), ("- Two", [2])]),
        ("“Yes.” [1] Then go.", [("“Yes.” ", [1]), ("Then go.", [])]),
        ("はい。[1]次です。[2]", [("はい。", [1]), ("次です。", [2])]),
        ("One【1†source】. Two.", [("One. ", [1]), ("Two.", [])]),
        ("no full stop", [("no full stop", [])]),
        ("[1]", []),
        ("", []),
    ],
)
def test_text_is_cut_into_cited_sentences_however_it_arrives(
    text: str, sentences: list[tuple[str, list[int]]], piece: int
) -> None:
    """R4.6"""
    assert cut(text, piece=piece) == sentences


def test_cutting_takes_time_in_proportion_to_the_text() -> None:
    """J01: a text without any full stop must not become quadratic."""
    assert cut("[1] " * 50 + "x " * 4_000 + "." * 4_000, piece=4)
