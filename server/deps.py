"""What the routes are given: the desk's parts they serve, and who asks: a customer in a conversation, or staff.

A session token opens one conversation and no route of staff; a staff token opens no conversation.
"""

import logging
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Path, Request
from starlette.datastructures import Headers

from desk.approvals.models import Approval, Decided, Decision
from desk.approvals.service import Decider
from desk.audit.log import AuditLog
from desk.channels.mailbox import FileMailbox
from desk.config.settings import Settings
from desk.conversations.hub import EventHub
from desk.conversations.inbox import AcceptedTurn
from desk.conversations.store import Conversation, ConversationStore
from desk.db.pool import Pool
from desk.domain.errors import Forbidden, NotFound
from desk.identity.accounts import Accounts
from desk.identity.host_tokens import HostTokens
from desk.identity.identification import IdentificationStore
from desk.identity.staff import Role, Staff, StaffStore
from desk.identity.step_up import StepUp
from desk.policies.models import PolicySet
from desk.rollout.switches import SwitchStore
from retrieval.knowledge import KnowledgeDesk
from server.addresses import Network, client_address
from server.streams import Streams
from tools.ledger import Action

logger = logging.getLogger(__name__)


class Turns(Protocol):
    """What the server asks of ``graph.runs.TurnRunner``."""

    async def submit(self, conversation_id: str, *, text: str, client_message_id: str) -> AcceptedTurn: ...
    def wake(self, conversation_id: str) -> None: ...


class Reviewing(Protocol):
    """What the server asks of ``graph.reviews.Reviews``."""

    async def approval(self, approval_id: str) -> Approval: ...
    async def approvals(self, *, status: str | None, after: str | None, limit: int, newest: bool) -> list[Approval]: ...
    async def decide(self, approval_id: str, decision: Decision, *, by: Decider) -> Decided: ...
    async def actions(
        self, *, conversation_id: str | None, customer_id: str | None, after: str | None, limit: int, newest: bool
    ) -> list[Action]: ...
    async def compensate(self, action_id: str, *, by: str) -> Approval: ...


class ServedDesk(Protocol):
    """What the server uses of ``graph.bootstrap.Desk``. Naming it here keeps the graph out of the server's imports."""

    @property
    def settings(self) -> Settings: ...
    @property
    def policies(self) -> PolicySet: ...
    @property
    def conversations(self) -> ConversationStore: ...
    @property
    def runner(self) -> Turns: ...
    @property
    def hub(self) -> EventHub: ...
    @property
    def identity(self) -> IdentificationStore: ...
    @property
    def step_up(self) -> StepUp: ...
    @property
    def mailbox(self) -> FileMailbox | None: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def host_tokens(self) -> HostTokens: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def reviews(self) -> Reviewing: ...
    @property
    def knowledge(self) -> KnowledgeDesk: ...
    @property
    def pool(self) -> Pool: ...
    @property
    def staff(self) -> StaffStore: ...
    @property
    def switches(self) -> SwitchStore: ...
    async def health(self) -> dict[str, str]:
        """Each dependency's name, and ``ok`` or one sentence about what is wrong."""
        ...


class Entrance:
    """A conversation the caller may enter, with the token that opened it."""

    def __init__(self, conversation: Conversation, token: str | None) -> None:
        self.conversation = conversation
        self.token = token


def served_desk(request: Request) -> ServedDesk:
    return cast(ServedDesk, request.app.state.desk)


def open_streams(request: Request) -> Streams:
    return cast(Streams, request.app.state.streams)


def caller_address(request: Request) -> str:
    trusted: tuple[Network, ...] = request.app.state.trusted_proxies
    return client_address(request.scope, trusted=trusted)


def bearer_token(headers: Headers) -> str | None:
    """The token of ``Authorization: Bearer <token>``, if there is one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def entered(
    request: Request,
    desk: Annotated[ServedDesk, Depends(served_desk)],
    conversation_id: Annotated[str, Path(description="Id of the conversation, as it was given at its start.")],
) -> Entrance:
    """Runs before the body is looked at, so that nothing about a body tells whether a conversation exists."""
    token = bearer_token(request.headers)
    try:
        return await enter(desk, conversation_id, token)
    except NotFound:
        _log_denied(request)
        raise


async def enter(desk: ServedDesk, conversation_id: str, token: str | None) -> Entrance:
    """The conversation this token opens, now. Raises as ``ConversationStore.enter``; a closed account opens none."""
    conversation = await desk.conversations.enter(conversation_id, token)
    if conversation.channel == "in_app" and conversation.customer_id is not None:
        await desk.accounts.require_open(conversation.customer_id)
    return Entrance(conversation, token)


def _log_denied(request: Request) -> None:
    logger.warning(
        "A valid session asked for a conversation that it does not open",
        extra={"action": "authz_denied", "request_id": request.state.request_id},
    )


async def member_of_staff(request: Request, desk: Annotated[ServedDesk, Depends(served_desk)]) -> Staff:
    """Whose token this is; a 401 for every token that is not of staff, session tokens included."""
    return await desk.staff.enter(bearer_token(request.headers))


def staff_with(*roles: Role) -> Any:
    """For ``Annotated[Staff, staff_with("approver", "supervisor")]``: a member of staff with one of these roles."""

    async def allowed(
        request: Request,
        desk: Annotated[ServedDesk, Depends(served_desk)],
        staff: Annotated[Staff, Depends(member_of_staff)],
    ) -> Staff:
        if not staff.has_any(roles):
            asked_for = f"{request.method} {request.scope['route'].path}"
            logger.warning(
                "A member of staff asked for what their roles do not allow",
                extra={"action": "authz_denied", "staff": staff.id, "request_id": request.state.request_id},
            )
            await desk.staff.deny(staff, asked_for=asked_for, needed=roles)
            raise Forbidden("Your roles do not allow this.", code="wrong_role")
        return staff

    return Depends(allowed)


DeskDep = Annotated[ServedDesk, Depends(served_desk)]
StreamsDep = Annotated[Streams, Depends(open_streams)]
EntranceDep = Annotated[Entrance, Depends(entered)]
StaffDep = Annotated[Staff, Depends(member_of_staff)]
AddressDep = Annotated[str, Depends(caller_address)]
