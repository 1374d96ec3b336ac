"""Identification: what a conversation's customer is known as, and the limits on guessing (R5.1)."""

import asyncio
from datetime import timedelta

import pytest

from desk.db.pool import Pool
from desk.domain.errors import Forbidden, SystemUnavailable
from desk.identity.identification import MAX_FAILURES, MAX_FAILURES_PER_ADDRESS, IdentificationStore, NotIdentified
from tests.fakes.systems import MemorySystems, order

AVA = {"customer_id": "C-1", "level": 1}
ADDRESS = "ava@example.com"


@pytest.fixture
def store(pool: Pool) -> IdentificationStore:
    return IdentificationStore(pool=pool, key=b"k" * 32)


@pytest.fixture
def crm() -> MemorySystems:
    return MemorySystems({("C-1", "HP-1"): order(), ("C-2", "HP-2"): order("HP-2", "C-2")},
                         emails={ADDRESS: "C-1", "ben@example.com": "C-2"})  # fmt: skip


async def test_a_new_conversation_is_anonymous(store: IdentificationStore) -> None:
    """R5.1, level 0."""
    assert await store.actor("conv_1") == {"customer_id": None, "level": 0}


async def test_an_address_and_its_order_make_level_1(store: IdentificationStore, crm: MemorySystems) -> None:
    """R5.1, level 1; a success is no failed attempt."""
    actor = await store.attempt("conv_1", email=" AVA@example.com", order_number="HP-1", find=crm.identify)

    assert actor == await store.actor("conv_1") == AVA
    wrong = await store.attempt("conv_1", email=ADDRESS, order_number="HP-404", find=crm.identify)
    assert wrong == NotIdentified(failures=1)


async def test_an_in_app_customer_begins_at_level_1(store: IdentificationStore) -> None:
    """R5.1: from the host's token."""
    assert await store.identify("conv_1", customer_id="C-1") == await store.actor("conv_1") == AVA


async def test_every_wrong_pair_gets_the_same_answer(store: IdentificationStore, crm: MemorySystems) -> None:
    """R5.1: answers never reveal whether an account exists."""
    pairs = [("nobody@example.com", "HP-1"), (ADDRESS, "HP-2"), (ADDRESS, "HP-9"), ("", "")]

    answers = [
        await store.attempt(f"conv_{position}", email=email, order_number=number, find=crm.identify)
        for position, (email, number) in enumerate(pairs)
    ]

    assert answers == [NotIdentified(failures=1)] * len(pairs)


async def test_a_conversation_has_five_attempts(store: IdentificationStore, crm: MemorySystems) -> None:
    """R5.1: the right pair comes too late after five wrong ones."""
    for expected in range(1, MAX_FAILURES + 1):
        answer = await store.attempt("conv_1", email=ADDRESS, order_number="HP-9", find=crm.identify)
        assert answer == NotIdentified(failures=expected)

    late = await store.attempt("conv_1", email=ADDRESS, order_number="HP-1", find=crm.identify)

    assert late == NotIdentified(failures=MAX_FAILURES)
    assert await store.actor("conv_1") == {"customer_id": None, "level": 0}


async def test_parallel_guesses_get_five_comparisons(store: IdentificationStore) -> None:
    """B02: counted before compared, so forty at once are five."""
    compared = 0

    async def find(*, email: str, order_number: str) -> str | None:
        nonlocal compared
        compared += 1
        return None

    await asyncio.gather(
        *(store.attempt("conv_1", email=f"{n}@example.com", order_number="HP-1", find=find) for n in range(40))
    )

    assert compared == MAX_FAILURES


async def test_an_address_has_twenty_attempts_an_hour_over_all_conversations(
    store: IdentificationStore, crm: MemorySystems
) -> None:
    """R5.1: also in parallel; the right pair is refused like a wrong one, another address is not touched."""
    await asyncio.gather(
        *(
            store.attempt(f"conv_{n}", email=ADDRESS.upper(), order_number="HP-9", find=crm.identify)
            for n in range(MAX_FAILURES_PER_ADDRESS + 5)
        )
    )

    refused = await store.attempt("conv_new", email=ADDRESS, order_number="HP-1", find=crm.identify)
    other = await store.attempt("conv_new", email="ben@example.com", order_number="HP-2", find=crm.identify)

    assert refused == NotIdentified(failures=1)
    assert other == {"customer_id": "C-2", "level": 1}


async def test_an_address_is_free_again_after_an_hour(
    store: IdentificationStore, crm: MemorySystems, pool: Pool
) -> None:
    """R5.1: the window slides; what is older than an hour is forgotten."""
    for n in range(MAX_FAILURES_PER_ADDRESS):
        await store.attempt(f"conv_{n}", email=ADDRESS, order_number="HP-9", find=crm.identify)
    await store.attempt("conv_x", email="old@example.com", order_number="HP-9", find=crm.identify)
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE identification_attempts SET last_at = last_at - %(hour)s,"
            " failed_at = ARRAY(SELECT at - %(hour)s FROM unnest(failed_at) AS at)",
            {"hour": timedelta(minutes=61)},
        )

    actor = await store.attempt("conv_new", email=ADDRESS, order_number="HP-1", find=crm.identify)

    assert actor == AVA
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT failed_at FROM identification_attempts")
        assert await cursor.fetchall() == [{"failed_at": []}]


async def test_the_address_is_not_stored(store: IdentificationStore, crm: MemorySystems, pool: Pool) -> None:
    """R6.5: only a keyed hash; another key gives another."""
    await store.attempt("conv_1", email=ADDRESS, order_number="HP-9", find=crm.identify)
    other_key = IdentificationStore(pool=pool, key=b"other" * 8)
    await other_key.attempt("conv_2", email=ADDRESS, order_number="HP-9", find=crm.identify)

    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT t::text AS row FROM identification_attempts AS t")
        rows = [row["row"] for row in await cursor.fetchall()]

    assert len(rows) == 2
    assert not any("ava" in row or ADDRESS.encode().hex() in row for row in rows)


async def test_a_failing_system_costs_no_attempt(store: IdentificationStore, crm: MemorySystems) -> None:
    """R12.4: the customer is not to blame."""

    async def down(*, email: str, order_number: str) -> str | None:
        raise SystemUnavailable("crm")

    for _ in range(MAX_FAILURES + 1):
        with pytest.raises(SystemUnavailable):
            await store.attempt("conv_1", email=ADDRESS, order_number="HP-1", find=down)

    wrong = await store.attempt("conv_1", email=ADDRESS, order_number="HP-404", find=crm.identify)
    assert wrong == NotIdentified(failures=1)


async def test_a_conversation_never_changes_its_customer(store: IdentificationStore, crm: MemorySystems) -> None:
    """A05: not by a right pair of somebody else, not by a call; in parallel one wins and stays."""
    await store.identify("conv_1", customer_id="C-1")

    answer = await store.attempt("conv_1", email="ben@example.com", order_number="HP-2", find=crm.identify)
    with pytest.raises(Forbidden):
        await store.identify("conv_1", customer_id="C-2")
    raced = await asyncio.gather(
        *(store.identify("conv_2", customer_id=f"C-{n % 2}") for n in range(10)), return_exceptions=True
    )

    assert answer == NotIdentified(failures=1)
    assert await store.actor("conv_1") == AVA
    assert sum(isinstance(result, Forbidden) for result in raced) == 5


async def test_erasing_a_conversation_forgets_its_customer(store: IdentificationStore) -> None:
    """R6.6."""
    await store.identify("conv_1", customer_id="C-1")
    await store.identify("conv_2", customer_id="C-1")

    await store.forget("conv_1")

    assert await store.actor("conv_1") == {"customer_id": None, "level": 0}
    assert await store.actor("conv_2") == AVA
