"""The worst examples of a suite, by what went wrong, each with what was found and said."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

SHOWN = 8
"""Examples of one kind before the rest is folded away."""
_TITLES = {
    "relevant": "answered by", "missed": "not among ten", "best": "best score", "answer": "said", "label": "is",
    "predicted": "taken for", "text_b": "beside",
}  # fmt: skip
_TOLD_ELSEWHERE = ("id", "text", "question", "wrong", "passages")


def examples(failures: Sequence[Mapping[str, Any]]) -> str:
    """Nothing when there is none."""
    parts = []
    for kind, group in groupby(sorted(failures, key=_kind), key=_kind):
        listed = list(group)
        inside = "".join(map(_example, listed[:SHOWN]))
        if more := listed[SHOWN:]:
            inside += folded(f"{len(more)} more", "".join(map(_example, more)))
        title = f'{escape(kind) or "rows"} <span class="tag">{len(listed)}</span>'
        parts.append(folded(f"<b>{title}</b>", inside, is_open=True))
    return "".join(parts)


def folded(summary: str, inside: str, *, is_open: bool = False) -> str:
    return f"<details{' open' if is_open else ''}><summary>{summary}</summary><div>{inside}</div></details>"


def _kind(failure: Mapping[str, Any]) -> str:
    wrong = failure.get("wrong", failure.get("why", ""))
    if isinstance(wrong, str):
        return wrong
    return "said, and wrong" if failure.get("answer") else "nothing said"


def _example(failure: Mapping[str, Any]) -> str:
    told = failure["wrong"] if isinstance(failure.get("wrong"), list) else []
    if "predicted" in failure:
        told = [f"{failure.get('label')} → {failure['predicted']}"]
    tags = "".join(f'<span class="tag">{escape(str(one))}</span>' for one in told)
    listed = "".join(
        f"<dt>{escape(_TITLES.get(key, key))}</dt><dd>{escape(_shown(value))}</dd>"
        for key, value in failure.items()
        if key not in _TOLD_ELSEWHERE and value not in ("", [], None)
    )
    passages = "".join(
        f"<blockquote><b>{escape(str(one.get('chunk', '')))}</b> {escape(str(one.get('score', '')))}\n"
        f"{escape(str(one.get('text', '')))}</blockquote>"
        for one in failure.get("passages", [])
    )
    name = f'<code class="soft small">{escape(str(failure["id"]))}</code> ' if "id" in failure else ""
    asked = failure.get("text") or failure.get("question") or next(iter(failure.get("quotes", [])), "")
    return folded(f"{name}{escape(str(asked))}{tags}", f"<dl>{listed}</dl>{passages}")


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
