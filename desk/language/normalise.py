"""One form for texts that mean the same: case, accents, apostrophes, numbers, e-mail addresses, placeholders.

What is left is lower-case words of ``a-z`` and a few tokens in place of values, so that "order HP-10001" and
"order 4711" look alike to the classifier and no personal value becomes a feature.
"""

import re
import unicodedata

MAX_CHARS = 2000
"""Longer texts are cut: an intent shows early, and time must stay bounded."""

_PLACEHOLDER = re.compile(r"\{\{?([^{}]{1,40})\}\}?")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}\.[^\s@.]{2,24}")
_LINK = re.compile(r"(?:https?://|www\.)\S{1,300}")
_NUMBER = re.compile(r"[a-z]{0,4}-?\d[\d.,:/-]{0,40}")
_OTHER = re.compile(r"[^a-z']+")
_CONTRACTIONS = (
    (re.compile(r"\b(?:can'?t|cannot)\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\b(do|does|did|have|has|had|is|are|was|were|would|could|should|need|must)n'?t\b"), r"\1 not"),
    (re.compile(r"\b(i)'?m\b"), r"\1 am"),
    (re.compile(r"\b(i|you|we|they)'ve\b"), r"\1 have"),
    (re.compile(r"\b(i|you|we|they|he|she|it)'ll\b"), r"\1 will"),
    (re.compile(r"\b(i|you|we|they|he|she)'d\b"), r"\1 would"),
    (re.compile(r"\b(you|we|they)'re\b"), r"\1 are"),
    (re.compile(r"\b(where|what|when|who|how|that|it|there|he|she)'?s\b"), r"\1 is"),
    (re.compile(r"\b(?:want|wanna)\b"), "want"),
    (re.compile(r"\b(?:pls|plz)\b"), "please"),
)


def normalise(text: str) -> str:
    """Lower-case words separated by single blanks; may be empty. Deterministic, linear in the length of the text."""
    text = unicodedata.normalize("NFKD", text[:MAX_CHARS].replace("’", "'").replace("`", "'").lower())
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = _PLACEHOLDER.sub(" valuetoken ", text)
    text = _EMAIL.sub(" mailtoken ", text)
    text = _LINK.sub(" linktoken ", text)
    text = _NUMBER.sub(" valuetoken ", text)
    for pattern, replacement in _CONTRACTIONS:
        text = pattern.sub(replacement, text)
    return " ".join(_OTHER.sub(" ", text).replace("'", "").split())
