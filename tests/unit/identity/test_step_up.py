"""Step-up (R5.1): what a challenge asks for, what verifies it, what a verification is good for."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from desk.db.pool import Pool
from desk.domain.errors import TooManyRequests
from desk.identity.step_up import Expired, NoChallenge, UsedUp, Verified, WrongCode
from desk.policies.models import PolicySet
from tests.unit.identity.codes import Codes, wrong


@pytest.fixture
def codes(pool: Pool, retail: PolicySet) -> Codes:
    return Codes.on(pool, retail.step_up)


async def test_the_code_that_was_sent_verifies_and_wakes_the_conversation(codes: Codes) -> None:
    challenge = await codes.ask()

    checked = await codes.step_up.check("conv_1", await codes.code(challenge))

    assert isinstance(checked, Verified)
    assert checked.turn_id == "turn_of_conv_1"
    assert codes.wakes.keys == [f"verified:{challenge.id}"]
    assert await codes.step_up.grant("prop_1", args_hash="hash-1", conversation_id="conv_1") is not None


async def test_a_code_may_be_typed_with_spaces_or_in_other_digits(codes: Codes) -> None:
    code = await codes.code(await codes.ask())
    typed = f" {code[:3]}-{code[3:]} ".translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)})

    assert isinstance(await codes.step_up.check("conv_1", typed), Verified)


@pytest.mark.parametrize("text", ["", "12345", "abcdef", "1234567", "𝟙\ud800", "0" * 5000])
async def test_what_is_no_code_is_a_wrong_code(codes: Codes, text: str) -> None:
    await codes.ask()

    assert await codes.step_up.check("conv_1", text) == WrongCode(attempts_left=4)


async def test_without_a_challenge_nothing_waits(codes: Codes) -> None:
    await codes.ask()

    assert await codes.step_up.check("conv_2", "123456") == NoChallenge()
    assert await codes.step_up.resend("conv_2") is None
    assert await codes.step_up.open_challenge("conv_2") is None


async def test_asking_again_for_the_same_proposal_sends_nothing(codes: Codes) -> None:
    """A turn that is run again after a crash."""
    first = await codes.ask()

    assert await codes.ask() == first == await codes.step_up.open_challenge("conv_1")
    assert await codes.count("outbox") == await codes.count("step_up_sends") == 1


async def test_changed_arguments_are_a_new_challenge_and_the_old_code_is_worth_nothing(codes: Codes) -> None:
    """B05"""
    first = await codes.ask()
    old = await codes.code(first)
    second = await codes.ask(args_hash="hash-2")

    assert second.id != first.id
    assert await codes.step_up.message(first.id, 1) is None
    assert await codes.step_up.check("conv_1", old) == WrongCode(attempts_left=4)


async def test_a_verification_and_its_turn_are_stored_together_or_not_at_all(codes: Codes) -> None:
    code = await codes.code(await codes.ask())
    codes.wakes.fail = True

    with pytest.raises(RuntimeError):
        await codes.step_up.check("conv_1", code)

    assert await codes.step_up.grant("prop_1", args_hash="hash-1", conversation_id="conv_1") is None
    codes.wakes.fail = False
    assert isinstance(await codes.step_up.check("conv_1", code), Verified)


async def test_a_code_typed_as_a_message_goes_on_in_that_messages_turn(codes: Codes) -> None:
    challenge = await codes.ask()

    async def store(connection: Any, conversation_id: str, *, key: str, wake: Mapping[str, Any]) -> str:
        return f"turn of {conversation_id}, {wake['kind']} {wake['proposal_id']}"

    checked = await codes.step_up.check("conv_1", await codes.code(challenge), wake=store)

    assert isinstance(checked, Verified)
    assert (checked.turn_id, codes.wakes.keys) == (f"turn of conv_1, verified {challenge.proposal_id}", [])


async def test_a_verification_is_too_old_after_the_packs_minutes(codes: Codes, retail: PolicySet) -> None:
    """R5.1: re-authentication when a verification is old."""
    await codes.step_up.check("conv_1", await codes.code(await codes.ask()))
    scope = {"args_hash": "hash-1", "conversation_id": "conv_1"}

    await codes.age(retail.step_up.valid_minutes - 1)
    assert await codes.step_up.grant("prop_1", **scope) is not None
    await codes.age(2)
    assert await codes.step_up.grant("prop_1", **scope) is None


async def test_a_new_code_replaces_the_one_before(codes: Codes) -> None:
    first = await codes.ask()
    old = await codes.code(first)

    again = await codes.step_up.resend("conv_1")

    assert again is not None
    assert (again.id, again.sends) == (first.id, 2)
    assert again.expires_at > first.expires_at
    assert await codes.step_up.check("conv_1", old) == WrongCode(attempts_left=4)
    assert isinstance(await codes.step_up.check("conv_1", await codes.code(again)), Verified)


async def test_a_resend_gives_no_attempts_back_until_they_are_used_up(codes: Codes) -> None:
    challenge = await codes.ask()
    for _ in range(4):
        await codes.step_up.check("conv_1", wrong(await codes.code(challenge)))
    same = await codes.step_up.resend("conv_1")
    assert same is not None
    assert await codes.step_up.check("conv_1", wrong(await codes.code(same))) == WrongCode(attempts_left=0)

    fresh = await codes.step_up.resend("conv_1")

    assert fresh is not None
    assert (fresh.id != same.id, fresh.attempts, fresh.proposal_id) == (True, 0, "prop_1")
    assert isinstance(await codes.step_up.check("conv_1", await codes.code(fresh)), Verified)


async def test_an_expired_challenge_is_opened_anew(codes: Codes) -> None:
    first = await codes.ask()
    await codes.age(11)
    assert await codes.step_up.check("conv_1", "123456") == Expired()

    second = await codes.ask()

    assert second.id != first.id
    assert isinstance(await codes.step_up.check("conv_1", await codes.code(second)), Verified)


async def test_a_link_verifies_once_and_looking_at_it_does_not(codes: Codes) -> None:
    challenge = await codes.ask()
    token = (await codes.message(challenge)).link_token

    looked = [await codes.step_up.behind_link(token) for _ in range(3)]
    followed = await codes.step_up.follow_link(token)

    assert looked == [challenge] * 3
    assert isinstance(followed, Verified)
    assert await codes.step_up.follow_link(token) == NoChallenge()
    assert await codes.step_up.behind_link(token) is None


async def test_a_made_up_or_changed_link_leads_nowhere(codes: Codes) -> None:
    token = (await codes.message(await codes.ask())).link_token
    head, number, seal = token.split(".")
    flipped = seal[:-1] + ("A" if seal[-1] != "A" else "B")

    for made_up in ("", "x", f"{head}.{number}", f"{head}.2.{seal}", f"{head}.{number}.{flipped}", token + "\n"):
        assert await codes.step_up.follow_link(made_up) == NoChallenge()
        assert await codes.step_up.behind_link(made_up) is None


async def test_a_link_dies_with_its_code(codes: Codes) -> None:
    challenge = await codes.ask()
    message = await codes.message(challenge)
    for _ in range(5):
        await codes.step_up.check("conv_1", wrong(message.code))
    assert await codes.step_up.follow_link(message.link_token) == UsedUp()

    late = (await codes.message(await codes.ask("prop_2"))).link_token
    await codes.age(11)
    assert await codes.step_up.follow_link(late) == Expired()


async def test_a_voided_proposal_has_neither_code_nor_verification(codes: Codes) -> None:
    challenge = await codes.ask()
    code = await codes.code(challenge)
    await codes.step_up.void("prop_1")
    assert await codes.step_up.check("conv_1", code) == NoChallenge()

    await codes.step_up.check("conv_1", await codes.code(await codes.ask("prop_2")))
    await codes.step_up.void("prop_2")
    assert await codes.step_up.grant("prop_2", args_hash="hash-1", conversation_id="conv_1") is None


async def test_sends_are_limited_by_customer_by_address_and_by_conversation(codes: Codes) -> None:
    """B06: each of the three alone."""
    for n in range(3):
        await codes.ask(f"prop_{n}", conversation=f"conv_{n}", to=f"{n}@example.com")
        await codes.ask(f"prop_a{n}", conversation=f"conv_a{n}", customer=f"C-a{n}", to="shared@example.com")
        await codes.ask(f"prop_b{n}", conversation="conv_b", customer=f"C-b{n}", to=f"b{n}@example.com")

    with pytest.raises(TooManyRequests) as refused:
        await codes.ask("prop_x", conversation="conv_x", to="x@example.com")
    with pytest.raises(TooManyRequests):
        await codes.ask("prop_y", conversation="conv_y", customer="C-y", to="Shared@example.com")
    with pytest.raises(TooManyRequests):
        await codes.ask("prop_z", conversation="conv_b", customer="C-z", to="z@example.com")
    assert 0 < refused.value.retry_after <= 600

    await codes.age(10.1)
    await codes.ask("prop_x", conversation="conv_x", to="x@example.com")


async def test_a_customer_has_so_many_wrong_codes_in_a_day(codes: Codes, retail: PolicySet) -> None:
    """However slowly somebody guesses, over however many conversations."""
    for n in range(retail.step_up.failures_per_day // retail.step_up.attempts):
        code = await codes.code(await codes.ask(f"prop_{n}", conversation=f"conv_{n}"))
        for _ in range(5):
            await codes.step_up.check(f"conv_{n}", wrong(code))
        await codes.age(10.1)

    with pytest.raises(TooManyRequests):
        await codes.ask("prop_last", conversation="conv_last")
    await codes.ask("prop_other", conversation="conv_other", customer="C-2", to="ben@example.com")


async def test_no_code_and_no_link_is_in_the_database_and_no_address_stays(codes: Codes) -> None:
    """R5.1: derived, never stored."""
    challenge = await codes.ask()
    message = await codes.message(challenge)
    await codes.step_up.check("conv_1", wrong(message.code))
    await codes.step_up.check("conv_1", message.code)

    tables = ["step_up_challenges", "step_up_sends", "outbox", "audit_entries"]
    dump = "\n".join(
        [str(row["row"]) for table in tables for row in await codes.rows(f"SELECT t::text AS row FROM {table} AS t")]
    )

    assert challenge.id in dump
    assert message.code not in re.findall(r"\b\d{6}\b", dump)
    assert message.link_token.rpartition(".")[2] not in dump
    assert "ava@example.com" not in dump


async def test_codes_are_spread_evenly(codes: Codes) -> None:
    """Every first digit about as often as every other."""
    step_up = codes.step_up
    first = Counter(step_up._code(f"chal_{n}", 1)[0] for n in range(20_000))

    assert set(first) == set("0123456789")
    assert max(first.values()) - min(first.values()) < 400, "six standard deviations"


async def test_what_happens_is_in_the_audit_log(codes: Codes) -> None:
    """R6.7"""
    challenge = await codes.ask()
    code = await codes.code(challenge)
    for _ in range(5):
        await codes.step_up.check("conv_1", wrong(code))
    again = await codes.step_up.resend("conv_1")
    assert again is not None
    await codes.step_up.check("conv_1", await codes.code(again))

    entries = await codes.rows("SELECT action, customer_id, detail FROM audit_entries ORDER BY position")

    assert [entry["action"] for entry in entries] == [
        "identity.challenge_sent", *["identity.failed"] * 4, "identity.locked", "identity.challenge_sent",
        "identity.verified",
    ]  # fmt: skip
    assert {entry["customer_id"] for entry in entries} == {"C-1"}
    assert entries[0]["detail"]["sent_to"] == "a…@example.com"


async def test_codes_that_were_used_do_not_count_against_the_limit_on_sending(codes: Codes) -> None:
    """B06 is about messages nobody answers: a customer with several errands proves each of them."""
    for number in range(5):
        challenge = await codes.ask(f"prop_{number}")
        assert isinstance(await codes.step_up.check("conv_1", await codes.code(challenge)), Verified)

    assert await codes.count("step_up_sends") == 0
