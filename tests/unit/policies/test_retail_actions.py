"""What the sample shop lets the assistant do: its policy as a table, and every action with its way there and back."""

import re
import typing
from itertools import combinations

import pytest

from desk.integrations.protocols import Refused
from desk.policies.conditions import all_hold, holds
from desk.policies.models import PolicySet

QUIET = {"actions_30_days": 0, "contact_changed_days": None, "country_mismatch": False}
"""Signals of a customer nothing is known against."""

BITEXT = {
    "cancel_order", "change_order", "change_shipping_address", "check_cancellation_fee", "check_invoice",
    "check_payment_methods", "check_refund_policy", "complaint", "contact_customer_service", "contact_human_agent",
    "create_account", "delete_account", "delivery_options", "delivery_period", "edit_account", "get_invoice",
    "get_refund", "newsletter_subscription", "payment_issue", "place_order", "recover_password",
    "registration_problems", "review", "set_up_shipping_address", "switch_account", "track_order", "track_refund",
}  # fmt: skip


def approvals(retail: PolicySet, tool: str, **values: object) -> set[str]:
    """The rules that make this action wait for a person."""
    return {
        rule.id
        for rule in retail.approvals.values()
        if tool in rule.tools and all_hold(rule.when, values, unknown=True)
    }


@pytest.mark.parametrize(
    ("amount", "earlier_today", "signals", "rules"),
    [
        (3500, 0, {}, set()),
        (10000, 0, {}, set()),
        (10001, 0, {}, {"refund_above_100", "refunds_of_the_day_above_100"}),
        (12900, 0, {}, {"refund_above_100", "refunds_of_the_day_above_100"}),
        (4000, 6000, {}, set()),
        (4001, 6000, {}, {"refunds_of_the_day_above_100"}),
        (100000, 0, {}, {"refund_above_100", "refunds_of_the_day_above_100"}),
        (100001, 0, {}, {"refund_above_100", "refunds_of_the_day_above_100", "refund_above_1000"}),
        (3500, 0, {"actions_30_days": 2}, set()),
        (3500, 0, {"actions_30_days": 3}, {"many_refunds"}),
        (3500, 0, {"contact_changed_days": 7}, {"refund_after_contact_change"}),
        (3500, 0, {"contact_changed_days": 8}, set()),
        (3500, 0, {"country_mismatch": True}, {"refund_to_another_country"}),
    ],
)
def test_who_decides_about_a_refund(
    retail: PolicySet, amount: int, earlier_today: int, signals: dict[str, object], rules: set[str]
) -> None:
    """R5.3: 100.00 USD or less need step-up alone, for one refund and for a day's."""
    values = {"amount": amount, "daily_total": amount + earlier_today, "signal": QUIET | signals}

    assert approvals(retail, "refund", **values) == rules


def test_what_is_not_known_about_a_refund_asks_for_a_person(retail: PolicySet) -> None:
    """R5.3: a failing system does not let an action pass."""
    assert approvals(retail, "refund", amount=3500, daily_total=3500) == {
        "many_refunds", "refund_after_contact_change", "refund_to_another_country",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "people", "roles"),
    [(12900, 1, {"approver", "supervisor"}), (100001, 2, {"supervisor", "admin"})],
)
def test_how_many_people_decide(retail: PolicySet, amount: int, people: int, roles: set[str]) -> None:
    """R5.3: the strictest rule counts."""
    found = approvals(retail, "refund", amount=amount, daily_total=amount, signal=QUIET)
    strictest = max((retail.approvals[rule] for rule in found), key=lambda rule: rule.people)

    assert (strictest.people, set(strictest.roles)) == (people, roles)


def test_closing_an_account_and_another_payment_method_always_need_a_person(retail: PolicySet) -> None:
    """R5.3"""
    assert approvals(retail, "close_account") == {"account_closing"}
    assert approvals(retail, "change_payment_method") == {"payment_method_change"}
    assert retail.approvals["account_closing"].expires_minutes == 48 * 60
    assert {rule.expires_minutes for rule in retail.approvals.values() if rule.id != "account_closing"} == {24 * 60}


@pytest.mark.parametrize(
    ("facts", "instead"),
    [
        ({"order_status": "delivered", "refundable": 3500, "days_since_delivery": 5}, None),
        ({"order_status": "delivered", "refundable": 3500, "days_since_delivery": 30}, None),
        ({"order_status": "delivered", "refundable": 6000, "days_since_delivery": 31}, "policy_exception"),
        ({"order_status": "delivered", "refundable": 6000, "days_since_delivery": None}, "policy_exception"),
        ({"order_status": "delivered", "refundable": 0, "days_since_delivery": 200}, "refund_nothing_left"),
        ({"order_status": "shipped", "refundable": 8450, "days_since_delivery": None}, "refund_not_delivered"),
        ({"order_status": "processing", "refundable": 0, "days_since_delivery": None}, "refund_not_delivered"),
        ({"order_status": "cancelled", "refundable": 0, "days_since_delivery": None}, "refund_cancelled"),
    ],
)
def test_what_stands_against_a_refund(retail: PolicySet, facts: dict[str, object], instead: str | None) -> None:
    """R1.2: the first requirement that does not hold says what happens instead."""
    unmet = [need for need in retail.tools["refund"].requires if holds(need, {"fact": facts}) is not True]

    assert (unmet[0].reply or unmet[0].trigger if unmet else None) == instead


@pytest.mark.parametrize(
    ("tool", "status", "instead"),
    [
        ("cancel_order", "processing", None), ("cancel_order", "shipped", "cancel_too_late"),
        ("cancel_order", "delivered", "cancel_too_late"), ("cancel_order", "cancelled", "cancel_already"),
        ("change_delivery_address", "processing", None), ("change_delivery_address", "shipped", "address_too_late"),
        ("change_delivery_address", "delivered", "address_too_late"),
        ("change_delivery_address", "cancelled", "address_cancelled"),
    ],
)  # fmt: skip
def test_an_order_can_be_changed_only_while_it_is_prepared(
    retail: PolicySet, tool: str, status: str, instead: str | None
) -> None:
    """R1.3"""
    unmet = [need for need in retail.tools[tool].requires if holds(need, {"fact": {"status": status}}) is not True]

    assert (unmet[0].reply if unmet else None) == instead


@pytest.mark.parametrize(
    ("intent", "level", "tool"),
    [
        ("cancel_order", 2, "cancel_order"), ("change_delivery_address", 2, "change_delivery_address"),
        ("return_and_refund", 2, "refund"), ("update_contact_details", 2, "update_contact"),
        ("change_payment_method", 2, "change_payment_method"), ("close_account", 2, "close_account"),
        ("my_orders", 2, "list_orders"), ("book_appointment", 1, "book_appointment"),
        ("move_appointment", 1, "move_appointment"), ("cancel_appointment", 1, "cancel_appointment"),
        ("complaint", 1, "create_ticket"), ("newsletter_subscribe", 1, "subscribe_newsletter"),
        ("newsletter_unsubscribe", 1, "unsubscribe_newsletter"), ("track_refund", 1, "get_refund_quote"),
    ],
)  # fmt: skip
def test_a_workflow_does_one_thing_at_its_level(retail: PolicySet, intent: str, level: int, tool: str) -> None:
    """R1.3, R5.1"""
    found = retail.intents[intent]

    assert (found.handling, found.level, found.actions[0].tool) == ("workflow", level, tool)
    assert {retail.tools[action.tool].risk for action in found.actions[1:]} <= {"read"}


def test_every_tool_that_writes_is_run_by_an_intent_or_takes_another_back(retail: PolicySet) -> None:
    """R5.2, R5.7: nothing can be done that nobody asks for."""
    writes = {tool.name for tool in retail.tools.values() if tool.risk != "read"}
    asked = {intent.actions[0].tool for intent in retail.intents.values() if intent.actions}
    undone = {tool.compensation.tool for tool in retail.tools.values() if tool.compensation is not None}

    assert writes - asked <= undone
    assert {"reinstate_order", "reopen_account", "close_ticket"} == writes - asked


def test_only_money_and_closed_cases_cannot_be_taken_back(retail: PolicySet) -> None:
    """R5.7"""
    assert {tool.name for tool in retail.tools.values() if tool.irreversible} == {"refund", "close_ticket"}


def test_replies_to_refusals_are_for_reasons_the_systems_have(retail: PolicySet) -> None:
    """R5.4: a reason that is misspelt would never be said."""
    for tool in retail.tools.values():
        assert set(tool.refused) <= set(typing.get_args(Refused)), tool.name


def test_a_confirmation_names_everything_that_will_happen(retail: PolicySet) -> None:
    """R5.8: the customer's yes is about every argument that is not from the session."""
    for tool in retail.tools.values():
        if tool.confirm is not None:
            needed = {argument.name for argument in tool.arguments if argument.source == "field"}
            assert needed <= retail.replies[tool.confirm].placeholders, tool.name
            assert "?" in retail.replies[tool.confirm].text, tool.name


def test_recipient_and_account_never_come_from_a_text(retail: PolicySet) -> None:
    """R5.2: the customer is the session's; references are chosen from what a system offers."""
    for tool in retail.tools.values():
        sources = {argument.name: argument.source for argument in tool.arguments}
        assert sources.get("customer_id") == "session", tool.name
    for intent in retail.intents.values():
        kinds = {spec.name: spec.type for spec in intent.fields}
        for action in intent.actions:
            for argument in retail.tools[action.tool].arguments:
                if argument.type == "reference":
                    assert kinds[argument.name] == "option", intent.id


def test_a_change_of_payment_method_says_where_the_secure_form_is(retail: PolicySet) -> None:
    """R6.4"""
    question = retail.intents["change_payment_method"].fields[0].question
    none_left = retail.replies["no_other_payment_method"].text

    for text in (question, none_left):
        assert re.search(r"[Nn]ever (?:write|send) a card number", text)
        assert "secure payment form" in text


def test_every_request_of_the_public_data_set_has_its_counterpart(retail: PolicySet) -> None:
    """R1.3: Bitext's 27 intents."""
    assert {row.bitext for row in retail.counterparts} == BITEXT
    assert len(retail.counterparts) == len(BITEXT) == 27


def test_no_choice_is_meant_by_a_word_inside_another_choice(retail: PolicySet) -> None:
    """R1.2: whole words decide, so the canonical words of a field differ."""
    for intent in retail.intents.values():
        for spec in intent.fields:
            for one, other in combinations(spec.choices, 2):
                assert one.casefold() != other.casefold(), intent.id


def test_articles_say_what_the_assistant_does_itself(retail: PolicySet) -> None:
    """R4.5: cancelling, a new address, refunds and appointments happen at once."""
    bodies = {article.id: article.body for article in retail.articles.values()}

    assert (
        "confirm with a one-time code, and the whole order is cancelled at once"
        in bodies["changing-or-cancelling-an-order"]
    )
    assert "the new address counts at once" in bodies["changing-or-cancelling-an-order"]
    assert "reached our warehouse" not in bodies["refund-timing"]
    assert "Refunds above 1,000.00 USD are approved by two people" in bodies["refund-approval"]
    assert "it is booked at once" in bodies["showroom-and-consultations"]
    assert "starts with CASE-" in bodies["complaints"]
