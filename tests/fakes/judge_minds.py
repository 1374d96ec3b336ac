"""What a scripted judge says to the prompts of RAGAS: simple rules about shared words, in the form asked for."""

import json
import re
from typing import Any

_INPUT = re.compile(r"\ninput: (\{.*\})\s*Output:\s*\Z", re.DOTALL)
_STOP = frozenset(
    re.findall(
        r"\w+", "a an and are as at be by can do for from have i if in is it its of on or that the this to we you"
    )
)


def judgement(prompt: str, *, form: str) -> dict[str, Any]:
    """The answer a fair judge would give: a statement is true when the context holds most of its words."""
    given = _given(prompt)
    match form:
        case "StatementGeneratorOutput":
            return {"statements": _sentences(given["answer"])}
        case "NLIStatementOutput":
            return {
                "statements": [
                    {"statement": one, "reason": "shared words", "verdict": int(_held(one, given["context"]))}
                    for one in given["statements"]
                ]
            }
        case "AnswerRelevanceOutput":
            return {"question": given["response"], "noncommittal": int("don't know" in given["response"])}
        case "ContextPrecisionOutput":
            return {"reason": "shared words", "verdict": int(_held(given["answer"], given["context"]))}
        case "ContextRecallOutput":
            return {
                "classifications": [
                    {"statement": one, "reason": "", "attributed": int(_held(one, given["context"]))}
                    for one in _sentences(given["answer"])
                ]
            }
    raise ValueError(f"the judge does not know {form}")


def _given(prompt: str) -> dict[str, Any]:
    found = _INPUT.search(prompt)
    assert found, "a prompt of ragas ends with its input"
    given: dict[str, Any] = json.loads(found[1])
    return given


def _sentences(text: str) -> list[str]:
    return [part for raw in re.split(r"(?<=[.!?])\s+|\n+", text) if (part := raw.strip())]


def _held(text: str, context: str) -> bool:
    words = {word for word in re.findall(r"\w+", text.lower()) if word not in _STOP}
    held = words & set(re.findall(r"\w+", context.lower()))
    return len(held) >= 0.6 * len(words)
