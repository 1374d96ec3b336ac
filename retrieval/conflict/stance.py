"""How a clause states what it states: denied, binding, for something only, before or after, with an exception."""

from collections.abc import Sequence
from typing import Literal

from retrieval.conflict.meanings import FINITE, NEGATORS, OPEN_ENDED, OPPOSITES, words_in
from retrieval.conflict.wording import Token

Modality = Literal["is", "may", "must", "need not"]
_MUST = words_in("""
    must require requires required mandatory compulsory obligatory necessary optional unnecessary voluntary
""")
_CHECKED = frozenset({"approved", "checked", "reviewed", "verified", "confirmed", "inspected"})
_PASSIVE = frozenset({"is", "are", "be", "always", "then", "being"})
_MUST_PAIRS = frozenset({("have", "to"), ("has", "to")})
_NEED = frozenset({"need", "needs", "needed"})
_MAY = words_in("""
    can may could allowed able possible permitted forbidden prohibited unable welcome impossible banned
    disallowed
""")


def stance(tokens: Sequence[Token], inside: Sequence[int], *, measured: bool) -> tuple[bool, Modality, set[int]]:
    """Whether a clause denies what it says, how binding it is, and which words said so."""
    negations = 0
    modality: Modality = "is"
    needed = prohibits = without = acting = False
    spoken: set[int] = set()
    for index in inside:
        word = tokens[index].text
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        contrast = word == "not" and (
            following in ("only", "before", "later") or text_before(tokens, index) in (",", "or")
        )
        answer = word == "no" and following in (".", ",", "") and not index
        if word in NEGATORS and not (contrast or answer) and following != "longer":
            negations += 1
        if word in OPPOSITES:
            negations += 1
        if word == "longer" and index and tokens[index - 1].text == "no":
            negations += 1
        if word == "without":
            without = True
            acting = any(tokens[after].text.endswith("ing") for after in inside if index < after <= index + 2)
        asks = word in ("ask", "asks") and following == "for" and any(tokens[i].text == "we" for i in inside)
        if word in _CHECKED and text_before(tokens, index) in _PASSIVE:
            needed = True
        if asks or word in _MUST or word in _NEED or (word, following) in _MUST_PAIRS:
            needed = True
            prohibits = prohibits or (word == "must" and following == "not")
            spoken.add(index)
        elif word in _MAY:
            modality = "may"
            spoken.add(index)
        elif word in ("ask", "asks") and following == "you":
            spoken.add(index)
    negative = negations % 2 == 1
    if needed and prohibits:
        modality = "may"
    elif needed:
        modality = "need not" if negative else "must"
    elif without and acting:
        negative = not negative
    elif without and negative:
        # "We don't accept parcels without a number": the number is a must.
        negative, modality = False, "must"
    return negative, modality, spoken


def excepted(tokens: Sequence[Token], terms: Sequence[str]) -> frozenset[str]:
    start = next((index for index, token in enumerate(tokens) if token.text in _EXCEPTIONS), len(tokens))
    return frozenset(terms[start + 1 : start + 9]) - frozenset(terms[:start]) - {""}


_EXCEPTIONS = frozenset({"except", "unless", "excluding", "apart"})


def text_before(tokens: Sequence[Token], index: int) -> str:
    return tokens[index - 1].text if index else ""


_ONLY_IN = words_in("""
    in at to for on from with by within available deliver ship accept sell open through via
""")
_NOT_ONLY = words_in("""
    not our the your a an can may must will
""")


def _is_superlative(word: str) -> bool:
    return word.endswith("est") or word in ("most", "least", "first", "last")


def only(tokens: Sequence[Token], terms: Sequence[str], inside: Sequence[int]) -> frozenset[str]:
    """Terms of what a clause says it holds for alone."""
    for index in inside:
        if tokens[index].text != "only" or text_before(tokens, index) in _NOT_ONLY:
            continue
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        superlative = following == "the" and tokens[index + 2 : index + 3] and _is_superlative(tokens[index + 2].text)
        opens = index == inside[0] and following not in OPEN_ENDED and not superlative
        if not (opens or following in _ONLY_IN or index == inside[-1] or not following.isalpha()):
            continue
        if opens and not any(token.text in FINITE for token in tokens[index + 2 : index + 9]):
            continue
        members: list[str] = []
        for after in range(index + 1, min(len(tokens), index + 8)):
            if tokens[after].kind == "sign" or (tokens[after].text in FINITE and members):
                break
            if terms[after]:
                members.append(terms[after])
        if not members:
            members = [found for found in terms[max(0, index - 2) : index] if found]
        return frozenset(members)
    return frozenset()


def timing_of(tokens: Sequence[Token], terms: Sequence[str], inside: Sequence[int]) -> tuple[str, frozenset[str]]:
    """Whether a clause holds before or after something, and what that is."""
    for place, index in enumerate(inside):
        timing = _TIMINGS.get(tokens[index].text)
        if timing:
            return timing, frozenset(terms[after] for after in inside[place + 1 : place + 7]) - {""}
    return "", frozenset()


_TIMINGS = {"before": "before", "until": "before", "after": "after", "once": "after", "later": "after"}
_VAGUE = frozenset({"them", "it", "so"})
_PASSIVE_WORDS = 5


def is_vague(tokens: Sequence[Token], inside: Sequence[int]) -> bool:
    """Whether what a clause is about stands in another sentence: "We don't exchange them", "Large ones can't"."""
    last = tokens[inside[-1]].text
    if last in ("not", "there", "either") or (last == "do" and len(inside) < 4):
        return True
    return len(inside) <= _PASSIVE_WORDS and any(tokens[index].text in _VAGUE for index in inside[1:])


def without_reasons(tokens: Sequence[Token], inside: list[int]) -> list[int]:
    """The words up to "because" or "for reasons of": why something is so changes nothing."""
    for place, index in enumerate(inside):
        if place and (tokens[index].text in ("because", "reasons") or (tokens[index].text == "due" and place > 1)):
            return inside[:place]
    return inside
