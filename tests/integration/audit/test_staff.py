"""Members of staff and their tokens."""

import pytest

from desk.conversations.store import ConversationStore
from desk.db.pool import Pool
from desk.domain.errors import InvalidRequest, NotAuthenticated, NotFound
from desk.identity.staff import StaffStore
from tests.integration.turns.desks import SECRET, rows


@pytest.fixture
def staff(pool: Pool) -> StaffStore:
    return StaffStore(pool, secret=SECRET)


async def test_a_token_opens_for_who_it_was_made(staff: StaffStore) -> None:
    added, token = await staff.add("  Ava   Moreno ", ["approver", "agent"], customer_id="C-1001", by="operator")
    entered = await staff.enter(token)

    assert entered == added
    assert (entered.name, entered.roles, entered.customer_id) == ("Ava Moreno", {"approver", "agent"}, "C-1001")
    assert entered.has_any(["supervisor", "agent"])
    assert not entered.has_any(["supervisor"])


async def test_a_role_never_includes_another(staff: StaffStore) -> None:
    admin, _ = await staff.add("Admin", ["admin"], by="operator")

    assert not admin.has_any(["approver"])


async def test_the_database_never_holds_a_token(staff: StaffStore, pool: Pool) -> None:
    _, token = await staff.add("Ava", ["agent"], by="operator")

    stored = str(await rows(pool, "SELECT * FROM staff")) + str(await rows(pool, "SELECT * FROM audit_entries"))
    assert token not in stored
    assert token.encode() not in (await rows(pool, "SELECT token_hash FROM staff"))[0]["token_hash"]


async def test_a_disabled_token_opens_nothing(staff: StaffStore) -> None:
    added, token = await staff.add("Ava", ["agent"], by="operator")
    assert (await staff.disable(added.id, by="operator")).disabled_at is not None

    with pytest.raises(NotAuthenticated):
        await staff.enter(token)


@pytest.mark.parametrize("token", [None, "", "fdstaff_", "fdstaff_unknown", "x" * 500, "fdstaff_\ud800"])
async def test_other_tokens_open_nothing(staff: StaffStore, token: str | None) -> None:
    with pytest.raises(NotAuthenticated):
        await staff.enter(token)


async def test_a_token_of_another_installation_opens_nothing(staff: StaffStore, pool: Pool) -> None:
    _, token = await StaffStore(pool, secret=b"another secret, also long enough").add("Eve", ["admin"], by="operator")

    with pytest.raises(NotAuthenticated):
        await staff.enter(token)


async def test_staff_and_customers_do_not_mix(staff: StaffStore, pool: Pool) -> None:
    conversations = ConversationStore(pool, secret=SECRET)
    session = await conversations.start(channel="web", locale="en", pack_version="1")
    _, token = await staff.add("Ava", ["admin"], by="operator")

    with pytest.raises(NotAuthenticated):
        await staff.enter(session.token)
    with pytest.raises(NotAuthenticated):
        await conversations.enter(session.conversation_id, token)


@pytest.mark.parametrize(("name", "roles"), [("Ava", []), ("Ava", ["boss"]), (" ", ["agent"]), ("x" * 101, ["agent"])])
async def test_nonsense_is_refused(staff: StaffStore, name: str, roles: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        await staff.add(name, roles, by="operator")


async def test_coming_and_going_are_audited(staff: StaffStore, pool: Pool) -> None:
    added, _ = await staff.add("Ava", ["agent"], by="staff_admin")
    await staff.disable(added.id, by="staff_admin")
    await staff.disable(added.id, by="staff_admin")
    with pytest.raises(NotFound):
        await staff.disable("staff_nobody", by="staff_admin")

    entries = await rows(pool, "SELECT action, actor, detail->>'staff' AS whom FROM audit_entries ORDER BY position")
    assert entries == [
        {"action": "staff.added", "actor": "staff_admin", "whom": added.id},
        {"action": "staff.disabled", "actor": "staff_admin", "whom": added.id},
    ]
