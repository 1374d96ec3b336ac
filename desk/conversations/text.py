"""What a message may be before it is stored."""

import re

from desk.domain.errors import InvalidRequest

MAX_TEXT_BYTES = 8_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean_text(text: str) -> str:
    """The message as it is stored: without control characters but newline and tab, and without space around it.

    Raises ``InvalidRequest`` when nothing is left, or too much.
    """
    cleaned = _CONTROL.sub("", text.replace("\r\n", "\n")).strip()
    if not cleaned:
        raise InvalidRequest("text is empty.", code="empty_message")
    if len(cleaned.encode()) > MAX_TEXT_BYTES:
        raise InvalidRequest(f"text may have at most {MAX_TEXT_BYTES} bytes.", code="message_too_long")
    return cleaned
