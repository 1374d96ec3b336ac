"""Turns: from a message to its answer, whatever dies on the way.

A turn runs apart from the connection that asked for it. The message is durable before this module sees it; the lease
makes one process run a conversation's turns one after the other; the sweeper finds what a dead process left behind.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from datetime import timedelta
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from desk.conversations.events import EventLog
from desk.conversations.hub import EventHub
from desk.conversations.inbox import AcceptedTurn, Answer, Inbox, OwedTurn
from desk.db.outage import is_outage
from desk.domain.conversation import Event
from desk.domain.errors import Conflict, LeaseLost
from desk.domain.ids import new_id
from desk.identity.step_up import (
    Challenge,
    Checked,
    Connection,
    Expired,
    NoChallenge,
    StepUp,
    UsedUp,
    Verified,
    WrongCode,
)
from desk.identity.typed_code import typed_code, without_code, without_digits
from desk.knowledge.gaps import note_gaps
from desk.language.budget import turn_budget
from desk.privacy.redaction import redact
from graph.audited import notes_of
from graph.checkpointer import EPOCH, TURN
from graph.notices import Notices
from graph.recorder import Recorder
from graph.state import Reply, SupportState, TurnInput, TurnOutput, Wake

logger = logging.getLogger(__name__)

Graph = CompiledStateGraph[SupportState, None, TurnInput, TurnOutput]
Apology = Callable[[OwedTurn], Awaitable[Reply]]
"""Writes the honest reply of a turn that broke."""
Housekeeping = Callable[[], Awaitable[list[str]]]
"""Looks after something once a second; returns conversations that have news."""

RECURSION_LIMIT = 25  # three requests in one message take 20 steps
MAX_ATTEMPTS = 4  # a message that kills its process so often is answered with an apology and a ticket
SWEEP_SECONDS = 1.0
CANCEL_SECONDS = 2.0  # how long a cancelled turn may take to stop and give its conversation back


class TurnRunner:
    """Accepts messages and runs the turns they ask for. One for each process."""

    def __init__(
        self,
        graph: Graph,
        *,
        inbox: Inbox,
        log: EventLog,
        hub: EventHub,
        refusals: Collection[str],
        apologise: Apology,
        step_up: StepUp,
        notices: Notices,
        housekeeping: Sequence[Housekeeping] = (),
        turn_timeout: timedelta,
        lease_ttl: timedelta,
        concurrency: int = 32,
    ) -> None:
        self._graph = graph
        self._inbox = inbox
        self._log = log
        self._hub = hub
        self._refusals = refusals
        self._apologise = apologise
        self._step_up = step_up
        self._notices = notices
        self._housekeeping = housekeeping
        self._turn_seconds = turn_timeout.total_seconds()
        self._heartbeat_seconds = lease_ttl.total_seconds() / 4
        self._slots = asyncio.Semaphore(concurrency)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._held: dict[str, int] = {}
        """Leases this process holds at this moment: conversation to epoch. Only these are kept alive."""
        self._draining = False

    async def submit(self, conversation_id: str, *, text: str, client_message_id: str) -> AcceptedTurn:
        """Makes the message durable and starts its turn. Card numbers and secrets are masked first.

        Raises ``Conflict`` and ``NotFound`` as ``Inbox.accept`` does.
        """
        code = typed_code(text)
        if code is not None and (challenge := await self._step_up.open_challenge(conversation_id)) is not None:
            accepted = await self._take_code(challenge, text, code, client_message_id=client_message_id)
        else:
            # A card number may come in pieces: only a message with digits can complete one.
            earlier = await self._inbox.earlier_words(conversation_id) if any(map(str.isdigit, text)) else ""
            clean = without_code(redact(text, earlier).text)
            try:
                accepted = await self._inbox.accept(conversation_id, text=clean, client_message_id=client_message_id)
            except Conflict:  # perhaps a code that counted before its sender heard of it
                known = code and await self._known_code(conversation_id, text, client_message_id=client_message_id)
                if not known:
                    raise
                accepted = known
        self.wake(conversation_id)
        return accepted

    async def _take_code(self, challenge: Challenge, text: str, code: str, *, client_message_id: str) -> AcceptedTurn:
        """A code that was typed as a message: compared at once, by whichever process got it; its digits are not stored.

        A right one counts in the transaction that stores the turn that goes on with it: there are both or neither.
        """
        if known := await self._known_code(challenge.conversation_id, text, client_message_id=client_message_id):
            return known
        taken: list[AcceptedTurn] = []

        async def accept(
            connection: Connection | None, conversation_id: str, *, key: str, wake: dict[str, Any]
        ) -> str | None:
            turn = await self._inbox.accept(
                conversation_id, text=without_digits(text), client_message_id=client_message_id, wake=wake,
                on=connection,
            )  # fmt: skip
            taken.append(turn)
            return turn.turn_id

        checked = await self._step_up.check(challenge.conversation_id, code, wake=accept)
        if not taken:
            await accept(None, challenge.conversation_id, key="", wake=dict(_came_of(checked, challenge)))
        return taken[0]

    async def _known_code(self, conversation_id: str, text: str, *, client_message_id: str) -> AcceptedTurn | None:
        """The turn of this very message, if it came as a code before."""
        with contextlib.suppress(Conflict):
            return await self._inbox.known(
                conversation_id, text=without_digits(text), client_message_id=client_message_id
            )
        return None

    def wake(self, conversation_id: str) -> None:
        """Runs what this conversation is owed, unless another process does."""
        if self._draining:
            return
        if conversation_id in self._running:
            self._again.add(conversation_id)
            return
        task = asyncio.create_task(self._serve(conversation_id), name=f"turns of {conversation_id}")
        self._running[conversation_id] = task
        task.add_done_callback(lambda _: self._served(conversation_id))

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What has to run beside: hearing other processes, keeping leases, finding what was left behind."""
        return [self._hub.listen(), self._heartbeats(), self._sweeps()]

    async def drain(self, *, seconds: float) -> None:
        """Stops taking turns and waits for the running ones; what does not end in time is handed over at once."""
        self._draining = True
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)
        stopped = list(self._running.values())
        for task in stopped:
            task.cancel()
        if stopped:
            await asyncio.wait(stopped, timeout=CANCEL_SECONDS)

    def _served(self, conversation_id: str) -> None:
        task = self._running.pop(conversation_id)
        if not task.cancelled() and (error := task.exception()):
            logger.error("Turns of a conversation stopped", extra={"action": "turns_stopped"}, exc_info=error)
        if conversation_id in self._again:
            self._again.discard(conversation_id)
            self.wake(conversation_id)

    async def _serve(self, conversation_id: str) -> None:
        async with self._slots:
            turn = None if self._draining else await self._inbox.claim(conversation_id)
            if turn is None:
                return
            self._held[conversation_id] = turn.epoch
            try:
                await self._run_owed(turn)
            except LeaseLost:
                logger.warning("A turn was taken over", extra={"action": "lease_lost", "turn_id": turn.turn_id})
            except BaseException:
                # Cancelled, or the database failed: nobody needs to wait until the lease runs out.
                await _quietly(self._inbox.release(conversation_id, epoch=turn.epoch), "release_failed")
                raise
            finally:
                del self._held[conversation_id]

    async def _run_owed(self, first: OwedTurn) -> None:
        """Runs turns of one conversation, one after the other, until nothing is owed or this process drains."""
        turn: OwedTurn | None = first
        while turn is not None:
            more = await self._run(turn)
            if self._draining and more:
                await self._inbox.release(turn.conversation_id, epoch=turn.epoch)
                return
            turn = await self._inbox.next_turn(turn.conversation_id, epoch=turn.epoch) if more else None

    async def _run(self, turn: OwedTurn) -> bool:
        """Runs a turn to its end; True when the conversation is owed another one."""
        recorder = Recorder(turn, log=self._log, hub=self._hub)
        if not turn.started:
            recorder.emit("turn.started", {})
        try:
            reply = await self._reply(turn, recorder)
        finally:
            unsent = await recorder.finish()
        answer = Answer(
            message_id=reply["message_id"],
            text=reply["text"],
            sources=reply["sources"],
            options=reply["options"],
            evidence=reply["evidence"],
        )
        events = [*unsent, *(_closing(reply, recorder))]
        told_elsewhere, gaps = self._notices.wanted(turn), reply.get("gaps", [])

        async def also(connection: AsyncConnection[DictRow]) -> None:
            if told_elsewhere:
                await self._notices.store(connection, turn, reply)
            if gaps:
                await note_gaps(
                    connection,
                    gaps,
                    turn_id=turn.turn_id,
                    conversation_id=turn.conversation_id,
                    channel=turn.channel,
                    locale=turn.locale,
                )

        batch, more = await self._inbox.complete(
            turn,
            outcome=reply["outcome"],
            answer=answer,
            events=events,
            notes=recorder.notes,
            also=also if told_elsewhere or gaps else None,
        )
        if told_elsewhere:
            self._notices.outbox.nudge()
        self._hub.publish(batch)
        logger.info(
            "Turn completed",
            extra={"action": "turn_completed", "turn_id": turn.turn_id, "outcome": reply["outcome"]},
        )
        return more

    async def _reply(self, turn: OwedTurn, recorder: Recorder) -> Reply:
        if turn.attempts > MAX_ATTEMPTS:
            return _told(await self._apologise(turn), recorder)
        try:
            return await self._within_time(turn, recorder)
        except LeaseLost:
            raise
        except Exception as exc:
            if is_outage(exc):  # nothing could be stored now, not even an apology: the turn is run again
                raise
            logger.exception("Turn failed", extra={"action": "turn_failed", "turn_id": turn.turn_id})
            return _told(await self._apologise(turn), recorder)

    async def _within_time(self, turn: OwedTurn, recorder: Recorder) -> Reply:
        """The graph's reply. Raises ``TimeoutError``, also when the run does not stop although it is cancelled.

        A model client may swallow a cancellation (langchain-openai's stream_chunk_timeout on Python 3.11): such a run
        is left behind, and what it still writes is refused because its turn is completed.
        """
        run = asyncio.create_task(self._invoke(turn, recorder), name=f"run of {turn.turn_id}")
        run.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            await asyncio.wait({run}, timeout=self._turn_seconds)
        finally:
            if not run.done():
                run.cancel()
                await asyncio.wait({run}, timeout=CANCEL_SECONDS)
        if not run.done() or run.cancelled():
            raise TimeoutError("The turn took too long.")
        return run.result()

    async def _invoke(self, turn: OwedTurn, recorder: Recorder) -> Reply:
        config: RunnableConfig = {
            "configurable": {"thread_id": turn.conversation_id, EPOCH: turn.epoch, TURN: turn.turn_id},
            "recursion_limit": RECURSION_LIMIT,
        }
        if turn.attempts > 1:
            # The process may have died between the last checkpoint and the end of the turn: then it is answered.
            stored = (await self._graph.aget_state(config)).values.get("reply")
            if stored is not None and stored["turn_id"] == turn.turn_id:
                # Its pieces were stored in part or not at all: it is told again, whole, under an id of its own.
                return _told(cast(Reply, stored | {"message_id": new_id("msg")}), recorder)
        message: TurnInput = {
            "text": turn.text,
            "turn_id": turn.turn_id,
            "channel": turn.channel,
            "locale": turn.locale,
            "wake": cast(Wake | None, turn.wake),
        }
        reply: Reply | None = None
        stream: Any = self._graph.astream(message, config, stream_mode=["custom", "updates"], durability="exit")
        with turn_budget(seconds=self._turn_seconds):
            async with contextlib.aclosing(stream):
                async for mode, chunk in stream:
                    if mode == "custom":
                        recorder.emit(chunk["type"], chunk["data"])
                        continue
                    recorder.notes += notes_of(chunk, refusals=self._refusals)
                    if "respond" in chunk:
                        reply = chunk["respond"]["reply"]
        assert reply is not None, "every path of the graph ends in respond"
        return reply

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            if self._held:
                await _quietly(self._inbox.heartbeat(dict(self._held)), "heartbeat_failed")

    async def _sweeps(self) -> None:
        while True:
            for work in (self._sweep, *self._housekeeping):
                await _quietly(self._woken_by(work), "sweep_failed")
            await asyncio.sleep(SWEEP_SECONDS)

    async def _woken_by(self, work: Housekeeping) -> None:
        for conversation_id in await work():
            self.wake(conversation_id)

    async def _sweep(self) -> list[str]:
        return await self._inbox.unattended()


def _came_of(checked: Checked, challenge: Challenge) -> Wake:
    """What a code that did not count wakes the conversation with."""
    wake: Wake = {"kind": "code", "challenge_id": challenge.id, "proposal_id": challenge.proposal_id}
    match checked:
        case WrongCode(attempts_left=left) if left > 0:
            return {**wake, "said": "wrong", "attempts_left": left}
        case WrongCode() | UsedUp():
            return {**wake, "said": "used_up"}
        case Expired():
            return {**wake, "said": "expired"}
        case Verified() | NoChallenge():
            # It was given in another way at the same moment (the form, the link, a second tab): what follows goes on.
            return {**wake, "kind": "verified"}


def _told(reply: Reply, recorder: Recorder) -> Reply:
    """Streams a reply that was not streamed while it was written: a reader that joins pieces gets the text as well."""
    recorder.emit("message.delta", {"message_id": reply["message_id"], "text": reply["text"]})
    return reply


def _closing(reply: Reply, recorder: Recorder) -> list[Event]:
    """The events that tell how the turn ended; stored in the transaction that ends it, so each comes once."""
    message = {
        "message_id": reply["message_id"],
        "text": reply["text"],
        "sources": reply["sources"],
        "options": reply["options"],
    }
    events = [recorder.stamped("message.completed", message)]
    if reply["handoff"] is not None:
        events.append(recorder.stamped("handoff.created", dict(reply["handoff"])))
    elif reply["offer_person"]:
        events.append(recorder.stamped("handoff.offered", {"options": ["chat", "email"]}))
    events += [recorder.stamped(event["type"], event["data"]) for event in reply["news"]]
    return [*events, recorder.stamped("turn.completed", {"outcome": reply["outcome"]})]


async def _quietly(work: Awaitable[None], action: str) -> None:
    """Background work goes on when the database is away for a moment."""
    try:
        await work
    except Exception as exc:
        logger.warning("Background work failed; it is tried again", extra={"action": action, "error": str(exc)[:200]})
