"""The demo's mailbox: a file in the data folder instead of a mail server and a phone. Only with ``--demo``."""

import asyncio
import os
from pathlib import Path
from typing import NotRequired, TypedDict

import orjson

from desk.channels.base import Outgoing
from desk.channels.outbox import OutboxChannel
from desk.domain.clock import now, rfc3339

KEPT = 200
"""Newest messages that are shown; older ones go at the next start."""


class Letter(TypedDict):
    """A message in the mailbox."""

    id: str
    at: str
    channel: OutboxChannel
    to: str
    subject: str
    text: str
    code: NotRequired[str]
    link: NotRequired[str]


class FileMailbox:
    """Lines of JSON, readable by the owner of the data folder alone."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def start(self) -> None:
        """Forgets all but the newest messages of earlier runs."""
        await asyncio.to_thread(self._trim)

    async def put(self, message: Outgoing, *, channel: OutboxChannel) -> None:
        letter: Letter = {
            "id": message.id, "at": rfc3339(now()), "channel": channel, "to": message.to, "subject": message.subject,
            "text": message.text,
        }  # fmt: skip
        if message.code is not None:
            letter["code"] = message.code
        if message.link is not None:
            letter["link"] = message.link
        await asyncio.to_thread(self._append, orjson.dumps(letter) + b"\n")

    async def letters(self) -> list[Letter]:
        """Newest first; one that was delivered twice is there once."""
        newest_first = reversed(await asyncio.to_thread(self._read))
        return list({letter["id"]: letter for letter in newest_first}.values())[:KEPT]

    def _append(self, line: bytes) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        # One write of an O_APPEND file is whole: processes that share the folder do not mix their lines.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _read(self) -> list[Letter]:
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [orjson.loads(line) for line in lines]

    def _trim(self) -> None:
        letters = self._read()
        if len(letters) > KEPT:
            shorter = self._file.with_suffix(".new")
            shorter.touch(mode=0o600)
            shorter.write_bytes(b"".join(orjson.dumps(letter) + b"\n" for letter in letters[-KEPT:]))
            shorter.replace(self._file)


class MailboxSender:
    """Puts the messages of one channel into the mailbox."""

    def __init__(self, mailbox: FileMailbox, *, channel: OutboxChannel) -> None:
        self._mailbox = mailbox
        self._channel = channel

    async def send(self, message: Outgoing) -> None:
        await self._mailbox.put(message, channel=self._channel)

    async def check(self) -> None:
        """Always there."""

    async def close(self) -> None:
        """Nothing is open."""
