"""Words of consent: whole messages that confirm, decline or stop an action. Decided by the pack's phrases alone.

A model may read a message as it likes; what is done to a customer's account hangs on these comparisons only.
"""

import re
from functools import lru_cache

from desk.policies.models import Phrases
from graph.state import Consent

_APART = re.compile(r"[,.;!?:]+|\s+-\s+")
_POLITE = frozenset({"please", "thanks", "thank you", "many thanks", "ok", "okay", "hi", "hello"})
_QUESTION = re.compile("[?？؟\u037e]")
MAX_CHARS = 120


def consent_in(text: str, *, phrases: Phrases) -> Consent | None:
    """What the message as a whole says; None when it says anything else besides.

    Every part between punctuation marks is a phrase of one kind, or courtesy: "Yes, please." is a yes, "Yes, but only
    half of it" is not, and neither is a question. Where parts say no and stop, it is a stop.
    """
    if len(text) > MAX_CHARS:
        return None
    kinds = _kinds(phrases)
    whole = _plain(text)
    parts = [whole] if whole in kinds else [plain for part in _APART.split(text) if (plain := _plain(part))]
    said = {kinds.get(part) for part in parts if part in kinds or part not in _POLITE}
    if said == {"no", "stop"}:
        return "stop"
    if len(said) != 1 or (said == {"yes"} and _QUESTION.search(text)):
        return None
    return said.pop()


def begins_with_consent(text: str, *, phrases: Phrases) -> bool:
    """Whether it starts like a word of consent and then says something else: "yes but only half of it"."""
    plain = _plain(text)
    return any(plain.startswith(f"{phrase} ") for phrase, kind in _kinds(phrases).items() if kind in ("yes", "no"))


@lru_cache(maxsize=16)
def _kinds(phrases: Phrases) -> dict[str, Consent]:
    kinds: dict[str, Consent] = {}
    # Where a phrase stands in two lists, the one that does less counts.
    for kind, words in (("yes", phrases.yes), ("no", phrases.no), ("stop", phrases.stop)):
        kinds |= {_plain(phrase): kind for phrase in words}  # type: ignore[misc]
    return kinds


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").strip(" .,!?;:\"'“”()").split())
