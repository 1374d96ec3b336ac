"""retrieve: the passages an answer may be taken from, unless they contradict each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from desk.domain.clock import now
from desk.domain.passages import Passage
from desk.handoff.packet import Escalation, Quote
from desk.handoff.triggers import escalation_on
from desk.knowledge.conflicts import FoundConflict
from desk.policies.models import Intent, PolicySet
from graph.node import Emit
from graph.requests import gap_of
from graph.state import SupportState
from graph.subjects import filed_by, is_unclear
from retrieval.conflict_check import ConflictCheck
from retrieval.live import Knowledge


@dataclass(frozen=True, kw_only=True)
class Retrieve:
    """Searches published articles for requests that are answered from knowledge; others pass through."""

    knowledge: Knowledge
    conflicts: ConflictCheck
    policies: PolicySet

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        request = state["request"]
        assert request is not None, "routing sends only turns with a request here"
        intent = self.policies.intents[request["intent"]]
        if intent.handling != "answer":
            return {"passages": []}
        unclear = is_unclear(request, policies=self.policies)
        found = await self.knowledge.retriever.search(
            request["question"],
            areas=() if unclear else intent.areas,
            audience="customer" if state["actor"]["level"] > 0 else "public",
            channel=state.get("channel", "web"),
            locale=state.get("locale", "en"),
            now=now(),
        )
        if unclear and found.best < self.policies.thresholds.unclear_passage_confidence:
            return {"passages": []}  # no gap: nobody knows yet what was meant
        if not found.confident:
            gap = gap_of(request, nearest=found.passages)
            return {"passages": [], "gaps": [*state.get("gaps", []), gap]}
        if unclear:
            request = filed_by(found.passages[0]["area"], request, policies=self.policies)
            intent = self.policies.intents[request["intent"]]
        conflict = await self.conflicts.among(
            found.passages, question=request["question"], conversation_id=state["conversation_id"]
        )
        update: SupportState = {"passages": found.passages, "request": request}
        if conflict is not None:
            update["escalation"] = self._escalation(conflict, found.passages, intent)
        return update

    def _escalation(self, conflict: FoundConflict, passages: Sequence[Passage], intent: Intent) -> Escalation:
        titles = {passage["chunk_id"]: passage["title"] for passage in passages}
        quotes: list[Quote] = [
            {"article": article, "version": version, "title": titles[chunk_id], "chunk_id": chunk_id, "quote": quote}
            for article, version, chunk_id, quote in (
                (conflict.article, conflict.version, conflict.chunk_id, conflict.quote),
                (conflict.other_article, conflict.other_version, conflict.other_chunk_id, conflict.other_quote),
            )
        ]
        reason = f"Published passages contradict each other ({conflict.id}): {conflict.reason}"
        return {**escalation_on("conflict", policies=self.policies, reason=reason, intent=intent), "quotes": quotes}
