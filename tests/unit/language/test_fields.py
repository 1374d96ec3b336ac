"""Typed values are found in any common spelling, and nothing else is taken for one."""

import time
from datetime import UTC, datetime

import pytest

from desk.language.fields import contact, extract, extract_known, money, phone
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

    assert extract("Express plus please", [spec], now=NOW, currency="USD") == {"speed": "express_plus"}
    assert extract("express or standard?", [spec], now=NOW, currency="USD") == {}


def test_values_carry_the_name_of_their_field() -> None:
    """R1.2"""
    specs = [
        FieldSpec(name="contact", type="email", question="?"),
        FieldSpec(name="reason", type="text", question="?"),
    ]

    assert extract("ava@example.com, it broke", specs, now=NOW, currency="USD") == {"contact": "ava@example.com"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the mobile is wrong", "phone"),
        ("my e-mail address changed", "email"),
        ("I live somewhere else now", "address"),
        ("new address please", "address"),
        ("my email address and my phone", None),
        ("mobility", None),
    ],
)
def test_a_choice_is_found_in_the_customers_own_words(text: str, words: str | None) -> None:
    """R1.2: "address" lies within "e-mail address" and is not meant there."""
    spec = FieldSpec(
        name="what", type="choice", question="?", choices=("email", "phone", "address"),
        synonyms={"email": ("e-mail address", "email address"), "phone": ("mobile",), "address": ("somewhere else",)},
    )  # fmt: skip

    assert extract(text, [spec], now=NOW, currency="USD").get("what") == words


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$20.50", "20.50"), ("20 dollars please", "20.00"), ("refund 20$ of HP-10004", "20.00"), ("US$ 15", "15.00"),
        ("35.00USD", "35.00"), ("$1,000.00", "1000.00"), ("1.234,50 usd", "1234.50"), ("$12,50", "12.50"),
        ("20 bucks and again $20", "20.00"),
    ],
)  # fmt: skip
def test_an_amount_in_any_spelling_has_two_decimals(text: str, amount: str) -> None:
    """R1.2"""
    assert money(text, currency="USD") == amount


@pytest.mark.parametrize(
    "text",
    [
        "-100", "$-100", "-$100", "- $5", "-5 dollars", "1e3", "$1e3", "$49.999999", "NaN", "$NaN", "0", "$0",
        "10000000000000000000000000000000", "$999999", "50 EUR", "20,50 €", "£5", "$20 or $30", "$20 or 30 EUR", "$10%",
        "$1.000", "$1.2.3", "HP-10004", "two towels", "",
    ],
)  # fmt: skip
def test_what_is_no_clear_amount_in_the_packs_currency_is_none(text: str) -> None:
    """D09"""
    assert money(text, currency="USD") is None
    assert money(text, currency="USD", bare=True) is None


def test_a_bare_number_is_an_amount_only_as_the_answer_to_its_question() -> None:
    """R1.2: "10004" is an order's number, and "2 towels" are two towels."""
    spec = FieldSpec(name="amount", type="money", question="?")

    assert extract("20", [spec], now=NOW, currency="USD") == {}
    assert extract("20", [spec], now=NOW, currency="USD", asked="amount") == {"amount": "20.00"}
    assert extract("2 towels", [spec], now=NOW, currency="USD", asked="amount") == {}
    assert extract("20,50 €", [spec], now=NOW, currency="EUR") == {"amount": "20.50"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+1 202 555 0199", "+12025550199"), ("(202) 555-0199", "+12025550199"), ("it's 12025550199", "+12025550199"),
        ("0033 1 55 50 10 03", "+33155501003"), ("02110-1234", None), ("HP-10001", None), ("4111 1111 1111 1111", None),
        ("202 555 0199 or 202 555 0198", None), ("12 Elm Street, Boston, MA 02110", None),
    ],
)  # fmt: skip
def test_telephone_numbers_are_canonical_and_nothing_else_is_one(text: str, number: str | None) -> None:
    """R1.2, R6.4"""
    assert phone(text) == number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("my new e-mail is Ava@Example.com", "ava@example.com"),
        ("please use (202) 555-0199 from now on", "+12025550199"),
        ("it should be 14 Elm Street, Boston, MA 02110-1234", "14 Elm Street, Boston, MA 02110-1234"),
        ("My last name is Moreno-Ruiz", "Moreno-Ruiz"),
        ("New York Avenue 5", "New York Avenue 5"),
    ],
)
def test_a_new_contact_value_is_the_answer_without_its_lead_in(text: str, value: str) -> None:
    """R1.2"""
    spec = FieldSpec(name="new_value", type="contact", question="?")

    assert extract(text, [spec], now=NOW, currency="USD", asked="new_value") == {"new_value": value}
    assert extract(text, [spec], now=NOW, currency="USD") == {}


def test_an_option_is_never_read_from_a_text() -> None:
    """R1.2: it is chosen from what a system offers."""
    source = {"tool": "list_slots", "items": "slots", "value": "slot_id", "label": "{slot_id}", "none_left": "none"}
    spec = FieldSpec.model_validate({"name": "slot", "type": "option", "question": "?", "options": source})

    assert extract("SL-1", [spec], now=NOW, currency="USD", asked="slot") == {}


@pytest.mark.parametrize(
    "piece",
    [
        "HP-",
        "HP ",
        "INV-HP-",
        "a@",
        "a.",
        "a-@b.",
        "order ",
        "12 ",
        "march ",
        " ",
        "in 1",
        "#",
        "not order ",
        "$1,",
        "$-",
        "+1 ",
        "it's ",
    ],
)
def test_hostile_texts_take_no_time(piece: str) -> None:
    """G05: 8 kB of almost a value."""
    text = (piece * 8192)[:8192]
    started = time.process_time()
    extract_known(text, now=NOW)
    money(text, currency="USD", bare=True)
    contact(text)

    assert time.process_time() - started < 0.25
