"""The words of a text that carry its subject, cut to a common stem (``returned``, ``returns`` → ``return``)."""

import re

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_STOP_WORDS = """a about am an and any are as at be been but by can could did do does doing for from get give go got had
    has have he hello help her hey hi him his how i if in into is it its just know let like may me might mine
    must my need no not of on or our ours please pls question she should so some tell than thank thanks that
    the their them then there they this those to too up us want was we were what when where which who why will
    wish with would you your yours i'm i've i'd i'll it's don't doesn't didn't can't won't isn't aren't what's
    where's how's long much many"""
_STOP = frozenset(_STOP_WORDS.split())
_ENDINGS = ("ations", "ation", "ings", "ing", "ments", "ment", "ies", "ied", "edly", "ed", "es", "s", "ly", "er", "ers")


def content_stems(text: str) -> set[str]:
    """Stems of the words that are not mere grammar."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    return {stem(word) for word in words if word not in _STOP}


def stem(word: str) -> str:
    """A rough stem: English endings cut off where at least three letters stay. Never shorter than that."""
    word = word.removesuffix("'s")
    for ending in _ENDINGS:
        if word.endswith("ss") and ending == "s":
            break
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            break
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 4 else word
