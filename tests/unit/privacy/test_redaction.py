"""Redaction of everything beside cards, and its manners: spans, idempotence, time, logs (R6.4)."""

import io
import logging
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.privacy.redaction import ALL, RedactingFilter, redact

MASKED = [
    ("GB82 WEST 1234 5698 7654 32, thanks", "[iban], thanks"),
    ("gb82west12345698765432", "[iban]"),
    ("DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000", "[iban]"),
    ("pay to FR14 2004 1010 0505 0001 3M02 606 please", "pay to [iban] please"),
    ("my IBAN is GB82 WEST 1234 5698 7654 33", "my IBAN is [iban]"),
    ("my SSN is 536-90-4399.", "my SSN is [national id]."),
    ("536 90 4399", "[national id]"),
    ("social security number: 536904399", "social security number: [national id]"),
    ("national insurance AB 12 34 56 C", "national insurance [national id]"),
    ("passport number is 533380006", "passport number is [passport number]"),
    ("Passport: X1234567", "Passport: [passport number]"),
    ("my driver's license number is F162-8235-4011", "my driver's license number is [driving licence]"),
    ("sort code 12-34-56", "sort code [bank account]"),
    ("bank account number 12345678", "bank account number [bank account]"),
    ("my password is hunter2.", "my password is [secret]."),
    ("PASSWORD=correcthorse", "PASSWORD=[secret]"),
    ("pin code: 4821", "pin code: [secret]"),
    ("key sk-proj-abcdefghijklmnop1234", "key [secret]"),
    ("AKIAIOSFODNN7EXAMPLE", "[secret]"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[secret]"),
    ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer [secret]"),
    ("api_key: 9f8e7d6c5b4a", "api_key: [secret]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[secret]"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[secret]"),
    ("postgresql://shop:s3cret@db/shop", "postgresql://shop:[secret]@db/shop"),
]

LEFT_ALONE = [
    "My e-mail is ava.moreno@example.com and my number +12025550101.",
    "my password is wrong",
    "I forgot my password: what now?",
    "GB82 WEST 1234 5698 7654 33",
    "is order HP-10001 or HP-10002 late? I paid 84.50 on 2026-11-19",
    "000-12-3456",
    "my passport expired",
    "the parcel weighs 123-45-678 grams",
    "the secret is out",
    "Chloé wants a refund – naïve café ☕ 你好 مرحبا",
    "",
]

HOSTILE = {
    "digits": "4" * 8192, "spaced digits": "4 " * 4096, "number words": "four " * 1638, "dashes": "-" * 8192,
    "groups": "123-45-" * 1170, "at signs": "a@" * 4096, "long address": "a." * 4096 + "@", "base64": "QUJD" * 2048,
    "keys": "-----BEGIN PRIVATE KEY-----" * 300, "open key": "-----BEGIN PRIVATE KEY-----" + "-" * 8000,
    "telephones": "1 (2-" * 1638, "urls": "a://" * 2048, "zero-width": ("4" + "\u200b" * 20) * 400,
    "only zero-width": "\u200b" * 8192, "ibans": "gb82 " * 1638, "passwords": "password is " * 680,
    "spaces": " " * 8192, "cards": "4111 1111 1111 1111 " * 409, "codes": "cvv one " * 1024, "arabic": "٤١١١ " * 1638,
}  # fmt: skip

PIECES = st.sampled_from(
    ["4111 1111 1111 1111", "4111111111111111", "12/27", "123", "cvv ", "exp ", "card ", "GB82WEST12345698765432",
     "iban ", "536-90-4399", "password is ", "hunter2", "sk-abcdefghijklmnop12", "[card ending 1111]", "[iban]",
     "NDExMTExMTExMTExMTExMQ==", "four one one one ", "5000", "maestro ", " ", "-", "\u200b", "\n", "1", "٤",
     "ava@example.com", "+1 202 555 0101", "passport "]
)  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), MASKED, ids=[text[:24] for text, _ in MASKED])
def test_what_must_not_be_kept_is_masked(text: str, shown: str) -> None:
    """K02, R6.4."""
    assert redact(text).text == shown


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_the_work_needs_is_left_alone(text: str) -> None:
    """R6.4: addresses and telephone numbers of the customer too."""
    assert redact(text).text == text
    assert redact(text).found == ()


def test_addresses_and_telephones_are_masked_on_request() -> None:
    """R6.4: for logs and test cases."""
    text = "ava.moreno@example.com, +1 (202) 555-0101"

    assert redact(text, kinds=ALL).text == "[email], [phone]"


def test_spans_refer_to_the_original() -> None:
    """R6.4."""
    text = "é４１１１ 1111\u200b 1111 1111 ☕ 536-90-4399"

    assert [(item.type, text[item.start : item.end]) for item in redact(text).found] == [
        ("card", "４１１１ 1111\u200b 1111 1111"),
        ("us_ssn", "536-90-4399"),
    ]


def test_a_label_found_late_takes_in_what_was_found_before() -> None:
    """R6.4: the spans of one text never overlap."""
    once = redact("4111 1111 1111 1111password is :4111 1111 1111 1111GB82WEST12345698765432")

    assert once.text == "[card ending 1111]password is [secret]"
    assert redact(once.text).text == once.text


@given(st.lists(PIECES | st.text(max_size=6), max_size=14).map("".join))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_masking_twice_changes_nothing_more(text: str) -> None:
    """R6.4: for every mixture of findings, labels, separators and what was masked before."""
    once = redact(text)

    assert redact(once.text).text == once.text
    assert all(0 <= item.start < item.end <= len(text) for item in once.found)
    assert all(left.end <= right.start for left, right in pairwise(once.found))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_text_of_eight_kilobytes_takes_long(text: str) -> None:
    """R6.4, J05: the worst takes some 60 ms; a pattern that backtracks would take minutes."""
    started = time.process_time()
    redact(text, kinds=ALL)

    assert time.process_time() - started < 1


def test_a_log_record_is_masked_in_every_part() -> None:
    """R6.4, K01: message, arguments, extra values, traceback."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(note)s"))
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("test")
    logger.addHandler(handler)

    try:
        raise ValueError("card 4111 1111 1111 1111 refused")
    except ValueError:
        logger.exception(
            "Card %s of %s", "4111111111111111", "ava@example.com", extra={"note": {"seen": ["SSN 536-90-4399"]}}
        )

    written = stream.getvalue()
    assert written.startswith("Card [card ending 1111] of [email] {'seen': ['SSN [national id]']}\nTraceback")
    assert "ValueError: card [card ending 1111] refused" in written
    assert "4111" not in written
