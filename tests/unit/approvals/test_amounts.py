"""Amounts as arguments carry them (D09)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.approvals.amounts import as_argument, as_money, minor_units


@pytest.mark.parametrize(
    ("text", "amount"),
    [("35.00", 3500), ("0.01", 1), ("0.00", 0), ("100.10", 10010), ("9999999.99", 999999999), ("0035.00", 3500)],
)
def test_an_amount_has_two_decimals(text: str, amount: int) -> None:
    assert minor_units(text) == amount
    assert as_money(text, currency="USD") == {"amount": amount, "currency": "USD"}


@pytest.mark.parametrize(
    "text",
    [
        "", "35", "35.0", "35.000", "35.", ".35", "-35.00", "+35.00", "3e2", "NaN", "Infinity", "35,00", "1,000.00",
        "10000000.00", "35.00 ", " 35.00", "35.00\n", "35.00\x00", "３５.００", "٣٥.٠٠", "35.0０", "3_5.00", "35.00USD",
        "0x23.00", "35.00.00", "35٫00",
    ],
)  # fmt: skip
def test_nothing_else_is_one(text: str) -> None:
    """D09."""
    assert minor_units(text) is None
    with pytest.raises(ValueError, match="not an amount"):
        as_money(text, currency="USD")


@given(st.integers(0, 999_999_999))
def test_what_is_written_is_read_again(amount: int) -> None:
    assert minor_units(as_argument(amount)) == amount


@given(st.one_of(st.integers(max_value=-1), st.integers(min_value=1_000_000_000)))
def test_an_amount_out_of_bounds_is_not_read_as_another_one(amount: int) -> None:
    """D09: below zero, or ten million and more."""
    assert minor_units(as_argument(amount)) is None


@given(st.text(alphabet="0123456789.,-+eE ٣３\n\x00", max_size=12))
def test_what_is_read_is_what_is_written(text: str) -> None:
    if (amount := minor_units(text)) is not None:
        assert text.lstrip("0") == as_argument(amount).lstrip("0")
