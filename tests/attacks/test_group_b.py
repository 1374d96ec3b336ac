"""Group B: one-time codes. Guessing, racing, replaying, reusing and pumping them."""

import asyncio

import pytest

from desk.db.pool import Pool
from desk.domain.errors import TooManyRequests
from desk.identity.step_up import Checked, Expired, NoChallenge, UsedUp, Verified, WrongCode
from desk.policies.models import PolicySet
from tests.unit.identity.codes import Codes, wrong


@pytest.fixture
def codes(pool: Pool, retail: PolicySet) -> Codes:
    return Codes.on(pool, retail.step_up)


async def test_the_right_code_comes_too_late_after_five_wrong_ones(codes: Codes) -> None:
    """B01"""
    code = await codes.code(await codes.ask())

    answers = [await codes.step_up.check("conv_1", wrong(code)) for _ in range(5)]

    assert answers == [WrongCode(attempts_left=left) for left in (4, 3, 2, 1, 0)]
    assert await codes.step_up.check("conv_1", code) == UsedUp()
    assert await codes.step_up.grant("prop_1", args_hash="hash-1", conversation_id="conv_1") is None
    fresh = await codes.ask()
    assert isinstance(await codes.step_up.check("conv_1", await codes.code(fresh)), Verified)


@pytest.mark.heavy
async def test_ten_thousand_parallel_codes_get_five_comparisons(codes: Codes) -> None:
    """B02: the right one is among them and may only win if it was one of the five."""
    await codes.ask()
    door = asyncio.Semaphore(500)  # far more than there are connections; who waits longer than a pool lets them, fails

    async def tried(code: str) -> Checked:
        async with door:
            return await codes.step_up.check("conv_1", code)

    answers = await asyncio.gather(*(tried(f"{n:06d}") for n in range(10_000)))

    compared = [answer for answer in answers if isinstance(answer, WrongCode | Verified)]
    assert len(compared) <= 5
    assert all(isinstance(answer, WrongCode | Verified | UsedUp | NoChallenge) for answer in answers)
    (row,) = await codes.rows("SELECT attempts, status FROM step_up_challenges")
    assert row["attempts"] == 5 or row["status"] == "verified"


async def test_the_same_right_code_at_the_same_time_succeeds_once(codes: Codes) -> None:
    """B03"""
    code = await codes.code(await codes.ask())

    answers = await asyncio.gather(*(codes.step_up.check("conv_1", code) for _ in range(5)))

    assert sum(isinstance(answer, Verified) for answer in answers) == 1
    assert sum(answer == NoChallenge() for answer in answers) == 4
    assert len(codes.wakes.keys) == 1


async def test_a_link_and_its_code_at_the_same_time_succeed_once(codes: Codes) -> None:
    """B03: they are one proof."""
    message = await codes.message(await codes.ask())

    answers = await asyncio.gather(
        *(codes.step_up.follow_link(message.link_token) for _ in range(3)),
        *(codes.step_up.check("conv_1", message.code) for _ in range(3)),
    )

    assert sum(isinstance(answer, Verified) for answer in answers) == 1
    assert len(codes.wakes.keys) == 1


async def test_a_code_is_refused_a_second_after_its_ten_minutes(codes: Codes) -> None:
    """B04"""
    code = await codes.code(await codes.ask())
    await codes.age(10 + 1 / 60)

    assert await codes.step_up.check("conv_1", code) == Expired()


async def test_a_verification_is_worth_nothing_for_anything_else(codes: Codes) -> None:
    """B05: not for other arguments, another proposal, another conversation."""
    await codes.step_up.check("conv_1", await codes.code(await codes.ask()))
    grant = codes.step_up.grant

    assert await grant("prop_1", args_hash="hash-1", conversation_id="conv_1") is not None
    assert await grant("prop_1", args_hash="hash-2", conversation_id="conv_1") is None
    assert await grant("prop_2", args_hash="hash-1", conversation_id="conv_1") is None
    assert await grant("prop_1", args_hash="hash-1", conversation_id="conv_2") is None


async def test_a_code_of_one_conversation_is_a_wrong_code_in_another(codes: Codes) -> None:
    """B05"""
    code = await codes.code(await codes.ask("prop_1", conversation="conv_1"))
    await codes.ask("prop_2", conversation="conv_2", customer="C-2", to="ben@example.com")

    assert await codes.step_up.check("conv_2", code) == WrongCode(attempts_left=4)


async def test_fifty_requests_at_once_send_three_codes(codes: Codes) -> None:
    """B06: whether they come as resends or as new proposals."""
    await codes.ask()

    answers = await asyncio.gather(
        *(codes.step_up.resend("conv_1") for _ in range(25)),
        *(codes.ask(f"prop_{n}", conversation=f"conv_{n}", to="ava@example.com") for n in range(2, 27)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, TooManyRequests) for answer in answers) == 48
    assert await codes.count("outbox") == await codes.count("step_up_sends") == 3
