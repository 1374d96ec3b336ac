"""A new release or pack meets what waits since the old one: honour it, or refuse to start and say which.

Nothing a waiting action needs is in its thread: the proposal's row holds what was asked, proved and shown. So a renamed
node or a new interrupt changes nothing. A tool that is gone, or takes other arguments, would change what was agreed to.
"""

from collections.abc import Iterator, Sequence

from desk.approvals.proposals import Proposal, ProposalStore
from desk.domain.errors import ConfigurationError
from desk.policies.models import PolicySet
from tools.calls import ToolCall
from tools.policy import fault


async def refuse_lost_proposals(proposals: ProposalStore, *, policies: PolicySet) -> None:
    """Raises ``ConfigurationError`` that names every waiting request this pack can no longer carry out."""
    if problems := list(lost(await proposals.waiting(), policies=policies)):
        raise ConfigurationError(
            "people still wait for decisions that this pack cannot carry out: "
            + "; ".join(problems[:10])
            + ". Decide or reject them under the old pack, or keep the tool and the intent."
        )


def lost(waiting: Sequence[Proposal], *, policies: PolicySet) -> Iterator[str]:
    """What is wrong with each proposal that cannot be carried out any more. Pure."""
    for proposal in waiting:
        tool = policies.tools.get(proposal.tool)
        if tool is None:
            yield f"{proposal.id} needs the tool {proposal.tool}, which is gone"
            continue
        call: ToolCall = {"id": "", "tool": tool.name, "arguments": proposal.arguments, "purpose": "answer"}
        if tool.risk == "read" or fault(call, tool):
            yield f"{proposal.id} calls {proposal.tool} with other arguments than it takes now"
        if proposal.intent is not None:
            intent = policies.intents.get(proposal.intent)
            if intent is None or proposal.tool not in {action.tool for action in intent.actions}:
                yield f"{proposal.id} belongs to the intent {proposal.intent}, which may not use {proposal.tool} now"
