"""Enumerations in a sentence: what is said of "Spain, Italy and Portugal" is said of each."""

from collections.abc import Sequence

from retrieval.conflict.meanings import FINITE
from retrieval.conflict.wording import Token


def choices_of(tokens: Sequence[Token], terms: Sequence[str], *, listed: bool = False) -> tuple[frozenset[str], ...]:
    """The members of an enumeration: "Spain, Italy and Portugal". In a label (``listed``) commas are enough."""
    best: list[frozenset[str]] = []
    members: list[list[int]] = [[]]
    joints: list[str] = []
    for index in range(len(tokens) + 1):
        text = tokens[index].text if index < len(tokens) else "."
        if text in _JOINTS and index < len(tokens):
            if members[-1]:
                members.append([])
                joints.append(text)
            elif joints:
                joints[-1] = text  # ", and"
        elif index == len(tokens) or (tokens[index].kind == "sign" and text != "-"):
            found = _members(tokens, terms, members, joints, listed=listed)
            best = found if len(found) > len(best) else best
            members, joints = [[]], []
        else:
            members[-1].append(index)
    return tuple(best)


_JOINTS = frozenset({",", "and", "or"})


def _members(
    tokens: Sequence[Token], terms: Sequence[str], members: list[list[int]], joints: list[str], *, listed: bool
) -> list[frozenset[str]]:
    last = next((place for place in range(len(joints) - 1, -1, -1) if joints[place] != ","), -1)
    for place in range(last - 1, -1, -1):
        if joints[place] not in (",", joints[last]):  # "click and collect, or cash on delivery"
            members[place : place + 2] = [members[place] + members[place + 1]]
            del joints[place]
            last -= 1
    if last < 0:
        if not listed or len(joints) < 1:
            return []
        last = len(joints) - 1
    if last < 1 and not listed:
        return _pair(tokens, terms, members) if len(members) == 2 else []
    inner = members[1 : last + 1]
    if any(len(member) > 5 for member in inner) or last + 1 >= len(members):
        return []
    opening = _after_last(tokens, terms, members[0])
    closing = _before_first(tokens, terms, members[last + 1])
    found = [frozenset(terms[index] for index in member) - {""} for member in (opening, *inner, closing)]
    return [] if any(not member or len(member) > 3 for member in found) else found


def _pair(tokens: Sequence[Token], terms: Sequence[str], members: list[list[int]]) -> list[frozenset[str]]:
    """The two subjects of a sentence: "Delivery and assembly are free"."""
    first = [terms[index] for index in members[0] if terms[index]]
    verb = next((place for place, index in enumerate(members[1]) if tokens[index].text in FINITE), -1)
    second = [terms[index] for index in members[1][: max(verb, 0)] if terms[index]]
    opens = bool(members[0]) and members[0][0] == 0
    return [frozenset(first), frozenset(second)] if opens and len(first) == len(second) == 1 else []


def _after_last(tokens: Sequence[Token], terms: Sequence[str], member: list[int]) -> list[int]:
    """The words after the last that is mere grammar: of "we ship to Spain" the last."""
    cut = next((place for place in range(len(member) - 1, -1, -1) if not terms[member[place]]), -1)
    return member[cut + 1 :][-3:]


def _goes_on(tokens: Sequence[Token], terms: Sequence[str], member: list[int], place: int) -> bool:
    """Whether a small word joins two of a name: "cash on delivery"."""
    return (
        tokens[member[place]].text in ("on", "of", "in") and place + 1 < len(member) and bool(terms[member[place + 1]])
    )


def _before_first(tokens: Sequence[Token], terms: Sequence[str], member: list[int]) -> list[int]:
    start = next((place for place, index in enumerate(member) if terms[index]), 0)
    end = next(
        (
            place
            for place in range(start + 1, len(member))
            if tokens[member[place]].text in FINITE
            or not (terms[member[place]] or _goes_on(tokens, terms, member, place))
        ),
        len(member),
    )
    return member[start:end]
