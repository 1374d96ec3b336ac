"""Which way a code goes (R5.1): the pack decides, over what has been on file for a while."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from desk.domain.contact import ContactPoints
from desk.identity.factors import Choice, choose_factor, mask
from desk.policies.models import FactorRule, PolicySet, StepUpPolicy

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BOTH = frozenset({"email", "sms"})


def contact(**changes: Any) -> ContactPoints:
    points: ContactPoints = {
        "email": "ava@example.com", "phone": "+12025550101", "previous_email": None, "previous_phone": None,
        "email_changed_at": None, "phone_changed_at": None,
    }  # fmt: skip
    return points | changes


@pytest.fixture
def policy(retail: PolicySet) -> StepUpPolicy:
    """The sample pack's, with a tool that an e-mail never suffices for."""
    email = FactorRule(factor="email", up_to=50000, except_tools=("update_contact",))
    return retail.step_up.model_copy(update={"factors": (email, FactorRule(factor="sms"))})


def choose(policy: StepUpPolicy, *, tool: str = "refund", amount: int | None = 100, **changes: Any) -> str | None:
    available = changes.pop("available", BOTH)
    choice = choose_factor(policy, tool=tool, amount=amount, contact=contact(**changes), available=available, now=NOW)
    return choice and choice.destination


def test_an_email_is_preferred_where_it_suffices(policy: StepUpPolicy) -> None:
    choice = choose_factor(policy, tool="refund", amount=50000, contact=contact(), available=BOTH, now=NOW)

    assert choice == Choice(factor="email", destination="ava@example.com", masked="a…@example.com")


def test_above_its_value_and_for_contact_changes_only_the_phone_will_do(policy: StepUpPolicy) -> None:
    assert choose(policy, amount=50001) == "+12025550101"
    assert choose(policy, tool="update_contact", amount=None) == "+12025550101"
    assert choose(policy, tool="update_contact", amount=None, phone=None) is None


def test_the_sample_pack_limits_emails_to_500_dollars(retail: PolicySet) -> None:
    assert choose(retail.step_up, amount=50000) == "ava@example.com"
    assert choose(retail.step_up, amount=50001) == "+12025550101"


def test_without_a_sender_a_factor_is_not_chosen(policy: StepUpPolicy) -> None:
    assert choose(policy, available=frozenset({"sms"})) == "+12025550101"
    assert choose(policy, available=frozenset()) is None


def test_after_a_change_codes_go_to_the_old_address(policy: StepUpPolicy) -> None:
    """R5.1: whoever changed the address cannot confirm with it what comes next."""
    changed = {"email": "eve@example.com", "previous_email": "ava@example.com"}

    assert choose(policy, **changed, email_changed_at=NOW - timedelta(days=6)) == "ava@example.com"
    assert choose(policy, **changed, email_changed_at=NOW - timedelta(days=8)) == "eve@example.com"


def test_a_number_that_is_new_and_replaced_none_is_not_used(policy: StepUpPolicy) -> None:
    fresh = {"phone_changed_at": NOW - timedelta(hours=1)}

    assert choose(policy, tool="update_contact", amount=None, **fresh) is None


@pytest.mark.parametrize(
    "number", ["+19005550100", "+881612345678", "+447012345678", "2025550101", "+12", "+1202555010x"]
)
def test_nothing_is_sent_to_premium_numbers_and_to_what_is_no_number(policy: StepUpPolicy, number: str) -> None:
    """B06"""
    assert choose(policy, amount=60000, phone=number) is None


@pytest.mark.parametrize(
    "address", ["a@b", "ava@example.com\nBcc: x@evil.example", "a@x.example,b@y.example", "@x.example"]
)
def test_an_address_with_more_than_an_address_in_it_is_not_used(policy: StepUpPolicy, address: str) -> None:
    assert choose(policy, available=frozenset({"email"}), email=address) is None


def test_masks_have_one_length_for_everybody() -> None:
    assert mask("email", "a@example.com") == "a…@example.com"
    assert mask("email", "ava.moreno@example.com") == "a…@example.com"
    assert mask("sms", "+12025550101") == "+1 ••• ••• 0101"
    assert mask("sms", "+33155501003") == "+33 ••• ••• 1003"
    assert mask("sms", "+353155501008") == "+353 ••• ••• 1008"
