"""One form for one quantity, whatever way it is written (R4.5)."""

import pytest

from retrieval.conflict.measures import Quantity
from retrieval.conflict.quantities import contacts_of, quantities_of
from retrieval.conflict.wording import tokens_of

MONDAY_TO_FRIDAY = 0b0011111


def only(text: str) -> Quantity:
    (quantity,) = quantities_of(tokens_of(text))
    return quantity


def form(text: str) -> tuple[str, str, float, float, str]:
    quantity = only(text)
    return quantity.kind, quantity.unit, round(quantity.low, 6), round(quantity.high, 6), quantity.bound


@pytest.mark.parametrize(
    "same",
    [
        ("It costs $500.", "It costs 500.00 USD.", "It costs 500 dollars.", "It costs US$ 500.", "It costs USD 500."),
        ("It costs 1,500 EUR.", "It costs €1500.00.", "It costs 1500 euros.", "It costs 1.5k EUR."),
        ("You get 10% off.", "You get 10.0 % off.", "You get ten percent off.", "You get 10 per cent off."),
        ("It lasts two weeks.", "It lasts 14 days.", "It lasts a fortnight.") ,
        ("It lasts one day.", "It lasts 24 hours.", "It lasts 1,440 minutes."),
        ("It takes half an hour.", "It takes 30 minutes."),
        ("It lasts twenty-one days.", "It lasts 21 days.", "It lasts three weeks."),
        ("It is free of charge.", "It is complimentary.", "It is free."),
        ("Order by December 15.", "Order by 15 December.", "Order by the 15th of December.", "Order by Dec. 15."),
        ("We close at 5 pm.", "We close at 17:00.", "We close at 5 p.m.", "We close at 5:00 PM."),
        ("Orders over 50 EUR.", "Orders of 50 EUR or more.", "Orders from 50 EUR.", "Orders of at least €50."),
        ("It is for children under 12.", "It is for children under 12 years."),
    ],
)  # fmt: skip
def test_ways_to_write_a_quantity_have_one_form(same: tuple[str, ...]) -> None:
    assert len({form(text) for text in same}) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You can use up to 10 codes.", ("count", "", 10, 10, "cap")),
        ("A password needs 12 characters or more.", ("count", "", 12, 12, "floor")),
        ("It takes no more than 10 days.", ("period", "days", 10, 10, "cap")),
        ("It takes 3 to 5 business days.", ("period", "business", 3, 5, "range")),
        ("Choose any amount from 10.00 to 500.00 USD.", ("amount", "USD", 10, 500, "range")),
        ("Between $75 and $150.", ("amount", "USD", 75, 150, "range")),
        ("The minimum order value is 20 EUR.", ("amount", "EUR", 20, 20, "floor")),
        ("The daily limit is 20 kg.", ("count", "g", 20_000, 20_000, "cap")),
        ("Tell us within 30 days.", ("period", "days", 30, 30, "within")),
        ("Cancel at least 24 hours before.", ("period", "days", 1, 1, "within")),
        ("We fixed it in 1856.", ("date", "year", 1856, 1856, "exact")),
        ("There is no monthly fee.", ("amount", "any", 0, 0, "exact")),
        ("Breakfast is included in the rate.", ("amount", "any", 0, 0, "exact")),
        ("It is closed from October to April.", ("date", "month", 10, 4, "range")),
        ("From November 20 to December 24.", ("date", "date", 1120, 1224, "range")),
    ],
)
def test_a_quantity_knows_its_unit_and_how_it_is_bounded(
    text: str, expected: tuple[str, str, float, float, str]
) -> None:
    assert form(text) == expected


@pytest.mark.parametrize("text", ["Order HP-10001", "See step 2.", "Call +1 202 555 0100.", "One of our people helps."])
def test_what_only_names_something_is_no_quantity(text: str) -> None:
    assert quantities_of(tokens_of(text)) == []


def test_a_price_for_a_month_and_for_a_year_are_one_number() -> None:
    month, year = only("It costs 10 EUR per month."), only("It costs 120 EUR a year.")

    assert month.low == pytest.approx(year.low)


def test_opening_hours_belong_to_their_days() -> None:
    weekdays, saturday = quantities_of(tokens_of("Monday to Friday 9:00 to 18:00, Saturday 10:00 to 16:00"))

    assert (weekdays.weekdays, weekdays.low, weekdays.high) == (MONDAY_TO_FRIDAY, 540, 1080)
    assert (saturday.weekdays, saturday.low, saturday.high) == (0b0100000, 600, 960)


def test_around_the_clock_is_every_minute() -> None:
    assert {form(text) for text in ("Open 24/7.", "Open around the clock.", "Open 24 hours a day.")} == {
        ("time", "hours", 0, 1440, "range")
    }


def test_a_unit_that_is_left_out_is_that_of_the_number_before() -> None:
    first, second = quantities_of(tokens_of("We answer e-mails within one business day, questions within two."))

    assert (first.unit, first.low, second.unit, second.low) == ("business", 1, "business", 2)


def test_addresses_and_telephone_numbers_are_found() -> None:
    found = contacts_of("Write to Help@Shop.example or call +1 202 555 0100.")

    assert [(contact.unit, *contact.counted) for contact in found] == [
        ("email", "help@shop.example"),
        ("phone", "025550100"),
    ]
