"""Typed values are found in any common spelling, and nothing else is taken for one."""

import time
from datetime import UTC, datetime

import pytest

from desk.language.fields import extract, extract_known
from desk.policies.models import FieldSpec

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    "text",
    [
        "HP-10001", "hp10001", "where is HP 10001?", "HP#10001", "#10001", "order 10001 please", "it's 10001",
        "my order number is 10001, thanks", "HP-10001 and again HP-10001", "HP-10001, not HP-10002",
        "not HP-10002 but HP-10001", "10001",
    ],
)  # fmt: skip
def test_order_numbers_in_any_spelling(text: str) -> None:
    """R1.2, R3.3, R1.5"""
    assert extract_known(text, now=NOW) == {"order_number": "HP-10001"}


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111", "card 4111111111111111", "#4111111111111111", "order 41111 11111", "+12025550101",
        "HP-100012", "HP-10001-2", "zip 10001", "HP-10001 or HP-10002?", "SHP-10001", "order 10001.50",
    ],
)  # fmt: skip
def test_what_may_be_something_else_is_no_order_number(text: str) -> None:
    """R1.2, R6.4: asking again is cheaper than the wrong record."""
    assert "order_number" not in extract_known(text, now=NOW)


@pytest.mark.parametrize("text", ["INV-HP-10001", "inv hp 10001", "invoice INV-HP10001.", "INVHP10001"])
def test_an_invoice_number_is_not_an_order_number(text: str) -> None:
    """R1.2"""
    assert extract_known(text, now=NOW) == {"invoice_number": "INV-HP-10001"}


def test_an_email_address_is_lower_cased() -> None:
    """R1.2"""
    assert extract_known("I am Ava.Moreno+shop@Example.COM.", now=NOW) == {"email": "ava.moreno+shop@example.com"}
    assert extract_known("a@example.com or b@example.com", now=NOW) == {}
    assert extract_known("a@b", now=NOW) == {}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on 2026-12-01", "2026-12-01"),
        ("2026-02-30", None),
        ("12 March", "2027-03-12"),
        ("the 24th of November", "2026-11-24"),
        ("March 3rd, 2028", "2028-03-03"),
        ("tomorrow", "2026-11-24"),
        ("day after tomorrow", "2026-11-25"),
        ("in 2 weeks", "2026-12-07"),
        ("next Friday", "2026-11-27"),
        ("monday", "2026-11-30"),
        ("may I have it?", None),
    ],
)
def test_dates_are_read_from_the_day_of_the_message(text: str, day: str | None) -> None:
    """R1.2"""
    assert extract_known(text, now=NOW).get("date") == day


def test_the_longest_choice_named_is_chosen() -> None:
    """R1.2"""
    spec = FieldSpec(name="speed", type="choice", question="?", choices=("express", "express_plus", "standard"))

    assert extract("Express plus please", [spec], now=NOW) == {"speed": "express_plus"}
    assert extract("express or standard?", [spec], now=NOW) == {}


def test_values_carry_the_name_of_their_field() -> None:
    """R1.2"""
    specs = [
        FieldSpec(name="contact", type="email", question="?"),
        FieldSpec(name="reason", type="text", question="?"),
    ]

    assert extract("ava@example.com, it broke", specs, now=NOW) == {"contact": "ava@example.com"}


@pytest.mark.parametrize(
    "piece", ["HP-", "HP ", "INV-HP-", "a@", "a.", "a-@b.", "order ", "12 ", "march ", " ", "in 1", "#", "not order "]
)
def test_hostile_texts_take_no_time(piece: str) -> None:
    """G05: 8 kB of almost a value."""
    text = (piece * 8192)[:8192]
    started = time.process_time()
    extract_known(text, now=NOW)

    assert time.process_time() - started < 0.25
