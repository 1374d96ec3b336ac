"""respond: writes the reply and releases it piece by piece, each piece only after the output guard passed it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from desk.domain.ids import new_id
from desk.domain.passages import Passage, Source
from desk.language.engine import AnswerPart, LanguageEngine, TurnContext
from desk.policies.models import PolicySet
from desk.privacy.output_guard import clean, hosts_in, is_claim, is_supported, words_in
from desk.privacy.redaction import mentions_masked_card
from graph.node import Emit
from graph.requests import gap_in
from graph.state import OutlineItem, PassagesItem, Reply, SupportState
from retrieval.live import Knowledge
from retrieval.sources import audit_rows, cited


class _Draft:
    """The reply as far as it was released. White space between pieces goes with the piece behind it."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.message_id = new_id("msg")
        self.text = ""
        self.evidence: list[dict[str, Any]] = []
        self._gap = ""

    def add(self, text: str, **evidence: Any) -> None:
        body = text.rstrip()
        if body:
            self._release(self._gap + body if self.text else body.lstrip())
            self._gap = text[len(body) :] or " "
            self.evidence.append({"text": body, **evidence})

    def paragraph(self) -> None:
        self._gap = "\n\n"

    def restart(self, *, text: str, evidence: list[dict[str, Any]]) -> None:
        """Another engine took over: what was released since is void, under a new message id."""
        self.message_id, self.text, self.evidence = new_id("msg"), "", evidence
        self._gap = "\n\n"
        if text:
            self._release(text)

    def _release(self, text: str) -> None:
        self.text += text
        self._emit("message.delta", {"message_id": self.message_id, "text": text})


@dataclass(frozen=True, kw_only=True)
class Respond:
    """Renders the outline: templates as they are, passages through the language engine."""

    engine: LanguageEngine
    policies: PolicySet
    knowledge: Knowledge

    @property
    def allowed_hosts(self) -> frozenset[str]:
        return self._template_hosts | self.knowledge.retriever.hosts

    @property
    def unspoken(self) -> frozenset[str]:
        """Words of the prompts that nothing a customer may read uses."""
        return self._prompt_words - self.knowledge.retriever.spoken

    @cached_property
    def _template_hosts(self) -> frozenset[str]:
        return hosts_in(template.text for template in self.policies.replies.values())

    @cached_property
    def _prompt_words(self) -> frozenset[str]:
        prompts = " ".join(prompt.text for prompt in self.policies.prompts.values())
        return words_in(prompts) - words_in(" ".join(template.text for template in self.policies.replies.values()))

    async def __call__(self, state: SupportState, emit: Emit) -> SupportState:
        draft, gaps = _Draft(emit), list(state.get("gaps", []))
        unanswered = False
        for item in self._items(state):
            draft.paragraph()
            if not await self._write(item, draft, state) and item["kind"] == "passages":
                unanswered = True
                gaps.append(gap_in(item["question"], intent=None, nearest=item["passages"]))
        replies = self.policies.system_replies
        offer_person = state["offer_person"] or unanswered
        options = [replies.person_option] if unanswered else state["options"]
        if offer_person and replies.person_option not in options:
            options = [*options, replies.person_option]
        sources, evidence = self._sourced(state, draft)
        reply: Reply = {
            "turn_id": state["turn_id"],
            "message_id": draft.message_id,
            "text": draft.text,
            "sources": sources,
            "options": options,
            "evidence": evidence,
            "outcome": state["outcome"],
            "handoff": state["handoff"],
            "offer_person": offer_person,
            "gaps": gaps,
            "news": state["news"],
        }
        memory = state["memory"]
        recent = [*memory["recent"], f"assistant: {draft.text[:300]}"][-6:]
        return {"reply": reply, "memory": {**memory, "recent": recent, "offered_person": offer_person}}

    def _items(self, state: SupportState) -> list[OutlineItem]:
        if not mentions_masked_card(state["text"]):
            return state["outline"]
        template = self.policies.system_replies.card_number_seen
        return [{"kind": "template", "template": template, "values": {}}, *state["outline"]]

    async def _write(self, item: OutlineItem, draft: _Draft, state: SupportState) -> bool:
        """Writes one item; False when the passages turned out not to answer the question."""
        match item["kind"]:
            case "text":
                draft.add(clean(item["text"], allowed_hosts=self.allowed_hosts))
            case "template":
                text = self.policies.replies[item["template"]].render(self.policies.common_values | item["values"])
                # Not all templates stand on passages; those that quote some say which.
                standing = {"chunk_ids": item["chunk_ids"]} if "chunk_ids" in item else {}
                draft.add(clean(text, allowed_hosts=self.allowed_hosts), template=item["template"], **standing)
            case "passages":
                before, evidence = draft.text, list(draft.evidence)
                if not await self._answer(item, draft, state):
                    if draft.text != before:
                        draft.restart(text=before, evidence=evidence)
                    template = self.policies.system_replies.dont_know
                    draft.add(self.policies.replies[template].render(self.policies.common_values), template=template)
                    return False
        return True

    async def _answer(self, item: PassagesItem, draft: _Draft, state: SupportState) -> bool:
        before, evidence, said = draft.text, list(draft.evidence), False
        texts = {passage["chunk_id"]: passage for passage in item["passages"]}
        async for part in self._parts(item, state):
            if part["restart"]:
                if said:
                    draft.restart(text=before, evidence=list(evidence))
                said = False
                continue
            behind = [texts[chunk_id] for chunk_id in part["chunk_ids"] if chunk_id in texts]
            text = clean(part["text"], allowed_hosts=self.allowed_hosts)
            if behind and text.strip() and self._may_be_said(text, behind):
                draft.add(text, chunk_ids=[passage["chunk_id"] for passage in behind])
                said = True
        return said

    def _may_be_said(self, sentence: str, behind: list[Passage]) -> bool:
        known = [f"{passage['title']} {passage['heading']} {passage['text']}" for passage in behind]
        known += [self.policies.title, self.policies.assistant.name]
        claims = is_claim(sentence, evidence=[passage["text"] for passage in behind])
        return not claims and is_supported(sentence, evidence=known, unspoken=self.unspoken)

    def _sourced(self, state: SupportState, draft: _Draft) -> tuple[list[Source], list[dict[str, Any]]]:
        """What the customer sees as sources, and for each piece of the reply what it stands on."""
        passages = [passage for item in state["outline"] if item["kind"] == "passages" for passage in item["passages"]]
        passages += state["passages"]
        paths = self.knowledge.retriever.paths
        parts: list[AnswerPart] = []
        evidence: list[dict[str, Any]] = []
        for row in draft.evidence:
            if "chunk_ids" not in row:
                evidence.append(row)
                continue
            part: AnswerPart = {"text": row["text"], "chunk_ids": row["chunk_ids"], "restart": False}
            parts.append(part)
            evidence += [dict(found) for found in audit_rows([part], passages=passages, paths=paths)]
        return cited(parts, passages=passages), evidence

    def _parts(self, item: PassagesItem, state: SupportState) -> AsyncIterator[AnswerPart]:
        context = TurnContext(previous_messages=tuple(state["memory"]["recent"]), locale=state.get("locale", "en"))
        return self.engine.answer(item["question"], passages=item["passages"], context=context)
