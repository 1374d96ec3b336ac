"""The words of the audit log: every action there can be, who acts, and what a detail may hold.

An entry is written by the SQL statement that makes the change: ``audit_append(action, actor, conversation, customer,
detail)``. The actor is ``customer`` (which one is a column of its own), ``assistant``, ``system``, ``operator``
(somebody at the command line of the server) or a ``staff_…`` id. Details name records and decisions; they never hold
codes, tokens or what a customer wrote, and texts in them go through ``audit_detail``.
"""

from typing import Any, Final, Literal, get_args

from psycopg.types.json import Jsonb

from desk.privacy.redaction import ALL, redact

Action = Literal[
    "action.compensated",
    "action.reconciled",
    "approval.decided",
    "approval.expired",
    "approval.requested",
    "approval.superseded",
    "authz.denied",
    "consent.recorded",
    "conversation.classified",
    "conversation.escalated",
    "conversation.started",
    "data.changed",
    "data.erased",
    "data.exported",
    "data.viewed",
    "handoff.created",
    "identity.challenge_sent",
    "identity.failed",
    "identity.identified",
    "identity.locked",
    "identity.verified",
    "knowledge.changed",
    "knowledge.reminded",
    "pack.loaded",
    "policy.escalated",
    "policy.refused",
    "proposal.confirmed",
    "proposal.opened",
    "proposal.withdrawn",
    "rollout.changed",
    "staff.added",
    "staff.disabled",
    "switch.changed",
    "tool.denied",
    "tool.finished",
    "tool.started",
]

MEANINGS: Final[dict[Action, str]] = {
    "action.compensated": "A write was undone by the compensation its tool declares.",
    "action.reconciled": "A write whose outcome was unknown was found to have happened or not.",
    "approval.decided": "An approver approved, edited or rejected an action, or answered with a question.",
    "approval.expired": "Nobody decided in time; the action will not run.",
    "approval.requested": "An action waits for an approver.",
    "approval.superseded": "A request was replaced or withdrawn before anybody decided.",
    "authz.denied": "Somebody with a valid token asked for what their roles do not allow.",
    "consent.recorded": "A customer gave or took back consent, or was shown the disclosure.",
    "conversation.classified": "A message was understood: intent, confidence, language.",
    "conversation.escalated": "A conversation goes to a person, with the trigger that decided it.",
    "conversation.started": "A conversation was opened on a channel.",
    "data.changed": "A customer's record was changed by staff.",
    "data.erased": "A customer's data was erased.",
    "data.exported": "A customer's data, or the audit log, was exported.",
    "data.viewed": "Staff read a customer's record or conversation.",
    "handoff.created": "A ticket was opened for the staff of a queue.",
    "identity.challenge_sent": "A one-time code or link was sent; where to is masked.",
    "identity.failed": "An attempt to identify or verify failed.",
    "identity.identified": "A conversation is known to belong to a customer (level 1).",
    "identity.locked": "Attempts or sends reached their limit.",
    "identity.verified": "A customer proved who they are (level 2).",
    "knowledge.changed": "An article was submitted, approved, published, retired or rolled back.",
    "knowledge.reminded": "An owner was told that a review is due or overdue, or that an article expired.",
    "pack.loaded": "A version of the pack became the one in force.",
    "policy.escalated": "A rule of the pack asks for a person.",
    "policy.refused": "A rule of the refusal list matched; its id is in the detail.",
    "proposal.confirmed": "The customer said yes to exactly these arguments.",
    "proposal.opened": "The assistant wants to make a write and asks for what the policy needs first.",
    "proposal.withdrawn": "A proposed write was given up.",
    "rollout.changed": "A roll-out stage or share was changed.",
    "staff.added": "A member of staff was given a token and roles.",
    "staff.disabled": "A member of staff lost access.",
    "switch.changed": "A tool, an intent or all automation was switched off or on.",
    "tool.denied": "The gate refused a tool call; the reason is in the detail.",
    "tool.finished": "A tool call ended: succeeded, failed or unknown.",
    "tool.started": "A tool call began; its ledger row was committed before.",
}
"""One sentence for each."""

ACTIONS: Final[frozenset[str]] = frozenset(get_args(Action))

Actor = str
ASSISTANT: Final = "assistant"
CUSTOMER: Final = "customer"
OPERATOR: Final = "operator"
SYSTEM: Final = "system"


def audit_detail(**values: Any) -> Jsonb:
    """What to pass as ``detail``: plain values, with cards, accounts, ids, secrets, addresses and numbers masked."""
    return Jsonb(_masked(values))


def _masked(value: Any) -> Any:
    match value:
        case str():
            return redact(value, kinds=ALL).text
        case dict():
            return {str(key): _masked(item) for key, item in value.items()}
        case list() | tuple():
            return [_masked(item) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            return redact(str(value), kinds=ALL).text
