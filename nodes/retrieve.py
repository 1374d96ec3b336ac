"""retrieve: the passages an answer may be taken from."""

from dataclasses import dataclass

from desk.domain.clock import now
from desk.policies.models import PolicySet
from graph.node import Emit
from graph.state import SupportState
from retrieval.search import Retriever


@dataclass(frozen=True, kw_only=True)
class Retrieve:
    """Searches published articles for requests that are answered from knowledge; others pass through."""

    retriever: Retriever
    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        request = state["request"]
        assert request is not None, "routing sends only turns with a request here"
        intent = self.policies.intents[request["intent"]]
        if intent.handling != "answer":
            return {"passages": []}
        found = await self.retriever.search(
            request["question"],
            areas=intent.areas,
            channel=state.get("channel", "web"),
            locale=state.get("locale", "en"),
            now=now(),
        )
        return {"passages": found.passages if found.confident else []}
