"""Finds the separate requests of one message: "Where is HP-10001? Also, how do I return something?"."""

import re

MAX_CHARS = 8192
MAX_CLAUSES = 6

_SENTENCE_END = re.compile(r"(?<=[.!?;])\s|\n")
_JOINT = re.compile(
    r",?\s+(?:and|but|oh,?)\s+(?:also|then|by the way)\b[\s,]*"
    r"|[,;]?\s+(?:also|plus|besides|additionally|another thing)[,:]\s+"
    r"|,\s+also\s+|,\s+(?:and|then)\s+(?=(?:i|can|could|please|what|where|when|how|do|does|is|are|cancel|send|tell)\b)"
    r"|\s+and\s+(?=(?:i(?:'d)?\s+(?:want|need|would|also)|can\s+(?:you|i)|could\s+(?:you|i)|please|what|where|when|how"
    r"|do\s+you)\b)",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\?|^(?:(?:hi|hello|hey|please|also|and|then|so|ok|okay|oh|but)[\s,]+)*"
    r"(?:i(?:'d| would)? (?:want|need|like|wish|would)|i'm (?:looking|trying)|can|could|would|will|may|please|what"
    r"|where|when|why|who|how|which|do|does|is|are|tell|show|send|cancel|change|track|give|help|let|update|refund|return|book"
    r"|move|close|delete|check|find|make|explain)\b",
    re.IGNORECASE,
)


def clauses_of(message: str) -> list[str]:
    """The parts of a message that are requests by their form, in order; the message itself when none is.

    A part without that form ("It arrived broken.", "Hello!") is background of its neighbours and left out.
    """
    # Runs of white space are closed up first: the patterns then see at most one blank and stay linear.
    message = "\n".join(" ".join(line.split()) for line in message[:MAX_CHARS].splitlines())
    parts = [part.strip(" ,;") for sentence in _SENTENCE_END.split(message) for part in _JOINT.split(sentence)]
    asking = [part for part in parts if len(part.split()) >= 2 and is_request(part)]
    return asking[:MAX_CLAUSES] or [message]


def is_request(text: str) -> bool:
    """Whether a text asks for something by its form: a question mark, "I want", "please", "cancel" …"""
    return _ASKING.search(text) is not None
