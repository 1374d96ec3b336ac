"""One-time codes over HTTP: given in a call of their own, sent again, confirmed by a link (R5.1)."""

import logging
from collections.abc import Iterator

import httpx
import pytest

from desk.identity.factors import Choice
from desk.identity.step_up import Challenge, CodeMessage
from tests.integration.server.client import Session, Site, eventually, frames

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def numbers() -> Iterator[int]:
    return iter(range(100))


async def ask(site: Site, session: Session, *, title: str = "Refund 35.00 USD") -> Challenge:
    """The conversation waits for a code; its customer and address are its own."""
    return await site.desk.step_up.open(
        proposal_id=f"prop_of_{session.id}", conversation_id=session.id, customer_id=f"C-{session.id}",
        action="refund", args_hash="hash", title=title,
        choice=Choice(factor="email", destination=f"{session.id}@example.com", masked="c…@example.com"),
    )  # fmt: skip


async def message(site: Site, challenge: Challenge) -> CodeMessage:
    found = await site.desk.step_up.message(challenge.id, challenge.sends)
    assert found is not None
    return found


async def give(session: Session, code: str, **headers: str) -> httpx.Response:
    return await session.http.post(f"{session.path}/verification", json={"code": code}, headers=session.auth | headers)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_the_right_code_answers_with_the_turn_that_goes_on(site: Site, ava: Session) -> None:
    await ava.say("hello")
    code = (await message(site, await ask(site, ava))).code

    response = await give(ava, code)

    assert response.status_code == 200
    heard = await ava.listen(until=2)
    assert heard[-1].data["turn_id"] == response.json()["turn_id"]


async def test_the_events_of_that_turn_may_be_heard_at_once(site: Site, ava: Session) -> None:
    await ava.say("hello")
    body = {"code": (await message(site, await ask(site, ava))).code}
    headers = ava.auth | {"Accept": "text/event-stream"}

    async with ava.http.stream("POST", f"{ava.path}/verification", json=body, headers=headers) as response:
        heard = [frame async for frame in frames(response)]

    assert response.status_code == 200
    assert (heard[0].event, heard[-1].event) == ("turn.started", "turn.completed")
    assert len({frame.data["turn_id"] for frame in heard}) == 1


async def test_a_wrong_code_says_how_many_are_left_and_then_only_another_one_helps(site: Site, ava: Session) -> None:
    """B01"""
    code = (await message(site, await ask(site, ava))).code

    answers = [await give(ava, wrong(code)) for _ in range(5)]

    assert [(a.status_code, a.json()["code"], a.json()["attempts_left"]) for a in answers] == [
        (422, "wrong_code", left) for left in (4, 3, 2, 1, 0)
    ]
    late = await give(ava, code)
    assert (late.status_code, late.json()["code"]) == (410, "code_used_up")
    again = await ava.http.post(f"{ava.path}/verification/resend", headers=ava.auth)
    assert again.status_code == 202
    fresh = await site.desk.step_up.open_challenge(ava.id)
    assert fresh is not None
    assert (await give(ava, (await message(site, fresh)).code)).status_code == 200


async def test_an_old_code_is_gone(site: Site, ava: Session) -> None:
    """B04"""
    challenge = await ask(site, ava)
    code = (await message(site, challenge)).code
    async with site.desk.pool.connection() as connection:
        await connection.execute("UPDATE step_up_challenges SET expires_at = now() WHERE id = %s", (challenge.id,))

    response = await give(ava, code)

    assert (response.status_code, response.json()["code"]) == (410, "code_expired")


async def test_without_a_question_there_is_nothing_to_answer(site: Site, ava: Session) -> None:
    given = await give(ava, "123456")
    again = await ava.http.post(f"{ava.path}/verification/resend", headers=ava.auth)

    assert [(r.status_code, r.json()["code"]) for r in (given, again)] == [(409, "no_code_expected")] * 2


async def test_another_code_is_sent_three_times_in_ten_minutes(site: Site, ava: Session) -> None:
    """B06"""
    await ask(site, ava)

    answers = [await ava.http.post(f"{ava.path}/verification/resend", headers=ava.auth) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[0].json()["sent_to"] == "c…@example.com"
    assert answers[0].json().keys() == {"method", "sent_to", "expires_at"}
    assert 0 < int(answers[2].headers["retry-after"]) <= 600
    assert await site.count("outbox", ava.id) == 3


async def test_a_code_is_for_its_own_conversation(site: Site, ava: Session, ben: Session) -> None:
    """B05: and nobody gives it for somebody else."""
    code = (await message(site, await ask(site, ava))).code

    assert (await give(ben, code)).status_code == 409
    foreign = await ben.http.post(f"{ava.path}/verification", json={"code": code}, headers=ben.auth)
    resent = await ben.http.post(f"{ava.path}/verification/resend", headers=ben.auth)
    assert (foreign.status_code, resent.status_code) == (404, 404)
    assert (await give(ava, code)).status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"code": 123456}, {"code": ""}, {"code": "1" * 41}, {"code": "1", "verified": True}]
)
async def test_what_is_no_code_costs_no_attempt(site: Site, ava: Session, body: dict[str, object]) -> None:
    await ask(site, ava)

    response = await ava.http.post(f"{ava.path}/verification", json=body, headers=ava.auth)

    assert response.status_code == 422
    assert "123456" not in response.text
    challenge = await site.desk.step_up.open_challenge(ava.id)
    assert challenge is not None
    assert challenge.attempts == 0


async def test_a_link_shows_what_it_confirms_and_only_its_button_does(site: Site, ava: Session) -> None:
    """Mail programs open links to look for danger: that must not move money."""
    challenge = await ask(site, ava, title="Refund <b>35.00 USD</b>")
    path = f"/v1/verify/{(await message(site, challenge)).link_token}"

    looked = [await site.http.get(path) for _ in range(3)]
    assert [page.status_code for page in looked] == [200] * 3
    assert "Refund &lt;b&gt;35.00 USD&lt;/b&gt;" in looked[0].text
    assert "form-action 'self'" in looked[0].headers["content-security-policy"]
    assert looked[0].headers["cache-control"] == "no-store"
    assert await site.count("turns", ava.id) == 0

    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what a browser sends for a form without fields
    pressed = await site.http.post(path, headers=form)
    assert (pressed.status_code, "confirmed" in pressed.text) == (200, True)
    assert (await ava.listen(until=1))[-1].event == "turn.completed"
    assert (await site.http.post(path, headers=form)).status_code == 410
    assert (await site.http.get(path)).status_code == 410


async def test_a_made_up_link_gets_the_page_of_one_that_has_ended(site: Site, ava: Session) -> None:
    token = (await message(site, await ask(site, ava))).link_token
    await site.http.post(f"/v1/verify/{token}")
    ended = await site.http.get(f"/v1/verify/{token}")

    for made_up in ("x", token[:-3] + "AAA", "a" * 26 + ".1." + "A" * 43):
        page = await site.http.get(f"/v1/verify/{made_up}")
        assert (page.status_code, page.text) == (410, ended.text)


async def test_no_code_and_no_link_reaches_the_log(site: Site, ava: Session, caplog: pytest.LogCaptureFixture) -> None:
    """B07, as far as this server goes."""
    caplog.set_level(logging.DEBUG)
    sent = await message(site, await ask(site, ava))
    await give(ava, wrong(sent.code))
    await site.http.get(f"/v1/verify/{sent.link_token}")
    await give(ava, sent.code)

    async def logged() -> bool:
        return any(getattr(record, "path", "").startswith("/v1/verify/") for record in caplog.records)

    await eventually(logged)
    text = "\n".join(
        str(vars(record)) for record in caplog.records if record.name.startswith(("server", "desk", "graph"))
    )
    assert sent.code not in text
    assert sent.link_token not in text
