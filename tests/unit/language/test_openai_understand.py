"""One structured call reads a message; nothing the pack or the customer does not know comes out of it."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from desk.domain.errors import ConfigurationError, LanguageModelFailed, PackError
from desk.language.engine import TurnContext
from desk.language.openai import OpenAIEngine
from desk.language.openai_schema import occurs_in, parse_understanding, understanding_schema
from tests.fakes.engines import QUIET, openai_engine, scripted_engine
from tests.fakes.model_server import scripted_model
from tests.fakes.small_pack import small_pack

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def reading(**changes: Any) -> str:
    return json.dumps(
        {
            "intents": [{"intent": "track_order", "confidence": 0.9}],
            "fields": {},
            "refusal": None,
            "language": "en",
            "sentiment": "neutral",
            "frustration": 0.1,
        }
        | changes
    )


def parsed(text: str, *, message: str = "Where is HP-10001?") -> dict[str, Any]:
    return dict(parse_understanding(text, message=message, policies=small_pack(), now=NOW))


async def test_one_call_gives_intent_confidence_fields_language_and_sentiment() -> None:
    """R3.1"""
    async with scripted_engine() as (engine, server):
        understanding = await engine.understand("Where is my order HP-10001?", context=QUIET)

    assert understanding == {
        "intents": [{"intent": "track_order", "confidence": 0.95}],
        "fields": {"order_number": "HP-10001"},
        "refusal": None,
        "language": "en",
        "sentiment": "neutral",
        "frustration": 0.1,
        "engine": "openai",
    }
    assert len(server.requests) == 1


async def test_the_schema_names_exactly_the_packs_intents_refusals_and_fields() -> None:
    """R3.1"""
    async with scripted_engine() as (engine, server):
        await engine.understand("Hello", context=QUIET)

    form = server.requests[0].body["response_format"]
    properties = form["json_schema"]["schema"]["properties"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    assert properties["intents"]["items"]["properties"]["intent"]["enum"] == ["track_order", "returns_policy"]
    assert properties["refusal"]["enum"] == ["legal_advice", None]
    assert list(properties["fields"]["properties"]) == ["order_number", "email", "reason", "note", "amount"]


def test_strict_mode_holds_every_object_of_the_schema_closed() -> None:
    """R3.1: strict mode of the protocol wants every property required and no other allowed."""

    def objects(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, list):
            return [found for item in node for found in objects(item)]
        if not isinstance(node, dict):
            return []
        own = [node] if node.get("type") == "object" else []
        return own + [found for value in node.values() for found in objects(value)]

    found = objects(understanding_schema(small_pack()))

    assert len(found) == 3
    assert all(node["additionalProperties"] is False for node in found)
    assert all(node["required"] == list(node["properties"]) for node in found)


async def test_the_fast_model_understands_and_the_capable_one_answers() -> None:
    """R3.2"""
    from tests.fakes.engines import answer_of

    async with scripted_engine() as (engine, server):
        await engine.understand("Hello", context=QUIET)
        await answer_of(engine)

    assert [request.body["model"] for request in server.requests] == ["gpt-5-mini", "gpt-5.1"]


async def test_only_parameters_every_server_knows_are_sent_to_one_path() -> None:
    """R3.2: also no ``/responses``, no temperature, which models of the gpt-5 kind reject."""
    from tests.fakes.engines import answer_of

    async with scripted_engine() as (engine, server):
        await engine.understand("Hello", context=QUIET)
        await answer_of(engine)

    assert {request.path for request in server.requests} == {"/v1/chat/completions"}
    assert set(server.requests[0].body) == {"model", "messages", "stream", "response_format"}
    assert set(server.requests[1].body) == {"model", "messages", "stream"}


async def test_the_conversation_so_far_goes_along() -> None:
    """R1.5: a bare answer is read with the request it belongs to."""
    context = TurnContext(
        active_intent="track_order", asked_field="order_number", previous_messages=("customer: Where is it?",)
    )
    async with scripted_engine() as (engine, server):
        await engine.understand("HP-10001", context=context)

    sent = server.requests[0].user
    assert "track_order" in sent
    assert "order_number" in sent
    assert "<earlier>\ncustomer: Where is it?\n</earlier>" in sent


@pytest.mark.parametrize(
    "changes",
    [
        {"intents": [{"intent": "wire_money", "confidence": 0.9}]},
        {"intents": [{"intent": "track_order", "confidence": 1.01}]},
        {"intents": [{"intent": "track_order", "confidence": math.nan}]},
        {"intents": [{"intent": "track_order", "confidence": math.inf}]},
        {"intents": [{"intent": "track_order", "confidence": "0.9"}]},
        {"intents": [{"intent": "track_order", "confidence": True}]},
        {"intents": [{"intent": "track_order", "confidence": 0.9, "level": 2}]},
        {"intents": [{"intent": "track_order", "confidence": 0.9}] * 6},
        {"intents": {"intent": "track_order", "confidence": 0.9}},
        {"fields": {"card_number": "4111"}},
        {"fields": {"order_number": 10001}},
        {"fields": {"note": "x" * 1_001}},
        {"fields": ["HP-10001"]},
        {"refusal": "never_heard_of"},
        {"language": "english"},
        {"sentiment": "furious"},
        {"frustration": -0.1},
        {"approved": True},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_reading_outside_the_schema_is_garbage(changes: dict[str, Any]) -> None:
    """R6.1: the provider may not keep to the schema it was given."""
    with pytest.raises(LanguageModelFailed) as failure:
        parsed(reading(**changes))

    assert failure.value.reason == "garbage"


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "Sure! Here is the JSON:", reading()[:-5], "[" * 10_000, '{"intents"']
)
def test_what_is_no_reading_at_all_is_garbage(text: str) -> None:
    """J02"""
    with pytest.raises(LanguageModelFailed) as failure:
        parsed(text)

    assert failure.value.reason == "garbage"


def test_several_requests_come_best_first_and_once_each() -> None:
    """R1.5"""
    guesses = [("returns_policy", 0.4), ("track_order", 0.9), ("returns_policy", 0.6)]

    found = parsed(reading(intents=[{"intent": name, "confidence": value} for name, value in guesses]))["intents"]

    assert found == [
        {"intent": "track_order", "confidence": 0.9},
        {"intent": "returns_policy", "confidence": 0.6},
    ]


def test_out_of_scope_is_no_intent() -> None:
    """R1.5"""
    assert parsed(reading(intents=[]))["intents"] == []


@pytest.mark.parametrize(
    ("said", "value", "kept"),
    [
        ("Where is hp 10001?", "HP-10001", "HP-10001"),
        ("HP-10001 or HP-10002, I mean the second", "HP-10002", "HP-10002"),
        ("Where is ＨＰ-10001?", "HP-10001", "HP-10001"),
        ("order 10001 please", "HP-10001", "HP-10001"),
        ("Where is my parcel?", "HP-20001", None),
        ("Where is HP-10001?", "HP-20001", None),
        ("Where is HP-100011?", "HP-10001", None),
        ("Where is HP-10001?", "HP-1000", None),
        ("Where is HP-10001?", "Where", None),
    ],
)
def test_an_order_number_is_kept_only_if_the_customer_wrote_it(said: str, value: str, kept: str | None) -> None:
    """R6.1: the model may find an order number, not invent one."""
    fields = parsed(reading(fields={"order_number": value}), message=said)["fields"]

    assert fields.get("order_number") == kept


@pytest.mark.parametrize(
    ("said", "value", "kept"),
    [
        ("I am Ava.Moreno@Example.com.", "ava.moreno@example.com", "ava.moreno@example.com"),
        ("ava.moreno@example.com", "ava@example.com", None),
        ("ava.moreno@example.com", "moreno@example.com", None),
        ("ava.moreno@example.com.evil.org", "ava.moreno@example.com", None),
        ("ava-moreno@example.com", "ava.moreno@example.com", None),
    ],
)
def test_an_email_is_kept_only_if_the_customer_wrote_it(said: str, value: str, kept: str | None) -> None:
    """R6.1"""
    fields = parsed(reading(fields={"email": value}), message=said)["fields"]

    assert fields.get("email") == kept


def test_a_choice_may_say_in_the_packs_words_what_the_customer_said_otherwise() -> None:
    """R3.1"""
    fields = {"reason": "Damaged", "note": "  in pieces "}

    assert parsed(reading(fields=fields), message="It came in pieces")["fields"] == {
        "reason": "damaged",
        "note": "in pieces",
    }
    assert parsed(reading(fields={"reason": "free_money"}), message="free_money")["fields"] == {}


@pytest.mark.parametrize(
    ("said", "value", "kept"),
    [
        ("refund $20 of it", "20", "20.00"),
        ("refund 20 dollars", "20.00", "20.00"),
        ("refund -20", "20", None),
        ("refund 20 EUR", "20", None),
        ("refund $20", "2000", None),
        ("refund all of it", "35.00", None),
    ],
)
def test_an_amount_is_kept_only_if_the_customer_named_it(said: str, value: str, kept: str | None) -> None:
    """D09, R6.1: "-20" and "20 EUR" hold a 20, which was not meant."""
    assert parsed(reading(fields={"amount": value}), message=said)["fields"].get("amount") == kept


def test_a_model_cannot_choose_an_option() -> None:
    """R6.1: what a system offers is chosen from its own list."""
    assert "slot" not in str(understanding_schema(small_pack()))
    with pytest.raises(LanguageModelFailed):
        parsed(reading(fields={"slot": "SL-1"}), message="SL-1")


def test_no_text_occurs_in_nothing() -> None:
    """R6.1"""
    assert not occurs_in("---", "order --- HP")
    assert not occurs_in("HP-10001", "")


async def test_a_pack_without_a_prompt_is_refused_at_the_start() -> None:
    """R1.1"""
    with scripted_model() as server, pytest.raises(PackError, match=r"\{secrets\} is not a placeholder"):
        async with openai_engine(server, policies=small_pack(answer="Hi {secrets}")):
            pass


def test_settings_without_a_key_have_no_such_engine() -> None:
    """R3.3"""
    from desk.config.settings import Settings

    with pytest.raises(ConfigurationError):
        OpenAIEngine.from_settings(Settings(_env_file=None, openai_api_key=None), small_pack())


async def test_settings_describe_the_engine() -> None:
    """R3.2"""
    from desk.config.settings import Settings

    with scripted_model() as server:
        settings = Settings(
            _env_file=None, openai_api_key="sk-settings", openai_base_url=server.base_url, fast_model="small-1"
        )
        engine = OpenAIEngine.from_settings(settings, small_pack())
        await engine.understand("Hello", context=QUIET)
        await engine.aclose()

    assert server.requests[0].body["model"] == "small-1"
    assert server.requests[0].headers["authorization"] == "Bearer sk-settings"


def test_an_address_is_read_without_a_field_for_it() -> None:
    """R5.1: who somebody is depends on no intent of the pack, and on no model."""
    pack = small_pack()
    fields = pack.intents["track_order"].fields
    tracking = pack.intents["track_order"].model_copy(update={"fields": tuple(f for f in fields if f.name != "email")})
    pack = pack.model_copy(update={"intents": {**pack.intents, "track_order": tracking}})

    understood = parse_understanding(reading(), message="I am ava.moreno@example.com", policies=pack, now=NOW)

    assert understood["fields"] == {"email": "ava.moreno@example.com"}
