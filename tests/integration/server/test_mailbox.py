"""The demo's mailbox page: there in a demo, nowhere else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from desk.channels.base import Outgoing
from desk.channels.mailbox import FileMailbox
from tests.integration.server.client import Site
from tests.integration.server.test_pages import _Page

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def mailbox(site: Site, tmp_path: Path) -> Iterator[FileMailbox]:
    site.desk.mailbox = FileMailbox(tmp_path / "mailbox.jsonl")
    yield site.desk.mailbox
    site.desk.mailbox = None


def letter(number: int) -> Outgoing:
    return Outgoing(
        id=f"out_{number}", created_at=datetime(2026, 11, 24, tzinfo=UTC), to="ava@example.com", subject="Your code",
        text=f"Your code is 12345{number} <script>", code=f"12345{number}", link="http://127.0.0.1/v1/verify/t",
    )  # fmt: skip


async def test_without_a_mailbox_there_is_no_page_and_no_link_to_it(site: Site) -> None:
    assert (await site.http.get("/demo/mailbox")).status_code == 404
    assert "mailbox" not in (await site.http.get("/")).text


async def test_the_newest_message_is_on_top(site: Site, mailbox: FileMailbox) -> None:
    await mailbox.put(letter(1), channel="email")
    await mailbox.put(letter(2), channel="email")

    body = (await site.http.get("/demo/mailbox", headers={"Accept": "application/json"})).json()

    assert body["next"] is None
    assert [(item["id"], item["code"]) for item in body["items"]] == [("out_2", "123452"), ("out_1", "123451")]
    assert body["items"][0].keys() == {"id", "at", "channel", "to", "subject", "text", "code", "link"}


async def test_the_page_shows_them_and_keeps_its_policy(site: Site, mailbox: FileMailbox) -> None:
    assert "Nothing was sent yet" in (await site.http.get("/demo/mailbox")).text
    await mailbox.put(letter(1), channel="email")

    response = await site.http.get("/demo/mailbox")
    page = _Page(response.text)

    assert "12345" in response.text
    assert "<script>" not in response.text
    assert page.inline == []
    assert "/mailbox.js" in page.loaded
    assert [(await site.http.get(name)).status_code for name in ("/mailbox.js", "/plain.css")] == [200, 200]


async def test_the_demo_page_leads_to_it(site: Site, mailbox: FileMailbox) -> None:
    assert 'href="/demo/mailbox"' in (await site.http.get("/")).text
