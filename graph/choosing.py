"""Which of the choices a system offered does the customer mean? Decided by comparison, never by a model."""

import re
from collections.abc import Mapping

_ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_ORDINAL = re.compile(rf"(?:the )?({'|'.join(_ORDINALS)})(?: one| slot| option| appointment)?(?: please)?")
_NUMBER = re.compile(r"(?:number |no\.? |option |#)?([1-9])(?: please)?")


def chosen_label(text: str, offered: Mapping[str, str]) -> str | None:
    """The label that is meant: named as it is, in part without being ambiguous, or by its place in the list."""
    plain, labels = _plain(text), list(offered)
    if not plain or not labels:
        return None
    for label in labels:
        if _plain(label) == plain:
            return label
    if found := _ORDINAL.fullmatch(plain):
        place = _ORDINALS[found.group(1)]
        return labels[place] if place < len(labels) else None
    if found := _NUMBER.fullmatch(plain):
        place = int(found.group(1)) - 1
        return labels[place] if place < len(labels) else None
    words = set(plain.split())
    if len(words) < 2:
        return None
    near = [label for label in labels if words <= set(_plain(label).split())]
    return near[0] if len(near) == 1 else None


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w:.#]+", " ", text.casefold()).strip(" .").split())
