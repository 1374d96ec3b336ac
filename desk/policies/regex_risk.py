"""Which regular expressions could take for ever on a hostile message.

Python's matcher backtracks: a repeated group whose content can match in several ways is exponential, an unbounded
wildcard quadratic. Packs do not need either, so both are refused rather than analysed.
"""

import re

_QUANTIFIER = re.compile(r"[*+?]|\{\d*,?\d*\}")


def risk(pattern: str) -> str | None:
    """Why the pattern is refused and what to write instead, or None when it is harmless."""
    varied: list[bool] = [False]
    closed_varied = False
    previous = ""
    index = 0
    while index < len(pattern):
        char = pattern[index]
        width = 1
        if char == "\\":
            width, previous = 2, "atom"
        elif char == "[":
            width, previous = _class_width(pattern, index), "atom"
        elif char == "(":
            varied.append(False)
            previous = "open"
        elif char == ")":
            closed_varied = varied.pop() if len(varied) > 1 else False
            varied[-1] |= closed_varied
            previous = "group"
        elif char == "|":
            varied[-1] = True
            previous = "bar"
        elif previous and previous not in {"open", "bar"} and (found := _QUANTIFIER.match(pattern, index)):
            width = found.end() - index
            if previous == "group" and closed_varied and _most(found.group()) != 1:
                return (f"the repeated group before position {index} holds a repetition or an alternative, which can "
                        "take for ever on a long message; repeat only groups of fixed content")  # fmt: skip
            if previous == "dot" and _most(found.group()) is None:
                return f"{pattern[index - 1 : index + 1]} at position {index - 1} has no bound; write .{{0,40}} instead"
            varied[-1] = True
            index += width
            if pattern[index : index + 1] in {"?", "+"}:
                index += 1
            previous = ""
            continue
        else:
            previous = "dot" if char == "." else "atom"
        index += width
    return None


def _class_width(pattern: str, start: int) -> int:
    """Characters of a ``[…]`` class from its bracket on."""
    index = start + 1
    if pattern[index : index + 1] == "^":
        index += 1
    if pattern[index : index + 1] == "]":
        index += 1
    while index < len(pattern) and pattern[index] != "]":
        index += 2 if pattern[index] == "\\" else 1
    return index - start + 1


def _most(quantifier: str) -> int | None:
    """The most repetitions a quantifier allows; None: no limit."""
    if quantifier in {"*", "+"}:
        return None
    if quantifier == "?":
        return 1
    last = quantifier.strip("{}").split(",")[-1]
    return int(last) if last else None
