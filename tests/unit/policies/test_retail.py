"""The sample shop: its fixed records, its rules, and articles that agree with both (R1.2 to R1.4, R4.1)."""

import re
import time
from collections import Counter

import pytest

from desk.policies.cross_checks import plain
from desk.policies.loader import PACKS, check_pack
from desk.policies.models import PolicySet

CUSTOMERS = {
    "C-1001": ("Ava Moreno", "ava.moreno@example.com", "+12025550101", "standard", "en"),
    "C-1002": ("Ben Okafor", "ben.okafor@example.com", "+12025550102", "vip", "en"),
    "C-1003": ("Chloé Martin", "chloe.martin@example.com", "+33155501003", "standard", "fr"),
}
ORDERS = {
    "HP-10001": ("C-1001", "shipped", 8450, "shipped_at", "-2d"),
    "HP-10002": ("C-1001", "processing", 4200, "shipped_at", None),
    "HP-10003": ("C-1001", "delivered", 12900, "delivered_at", "-10d"),
    "HP-10004": ("C-1001", "delivered", 3500, "delivered_at", "-5d"),
    "HP-10005": ("C-1001", "delivered", 6000, "delivered_at", "-200d"),
    "HP-20001": ("C-1002", "delivered", 25000, "delivered_at", "-3d"),
    "HP-30001": ("C-1003", "shipped", 1990, "shipped_at", "-1d"),
}


def test_the_retail_pack_has_no_problem() -> None:
    """R1.1"""
    assert check_pack(PACKS / "retail") == []


def test_the_fixed_customers_are_as_promised(retail: PolicySet) -> None:
    """R1.3"""
    rows = {row["id"]: row for row in retail.seed["customers"]}

    assert {
        number: tuple(rows[number][key] for key in ("name", "email", "phone", "segment", "locale"))
        for number in CUSTOMERS
    } == CUSTOMERS


@pytest.mark.parametrize("number", ORDERS)
def test_a_fixed_order_is_as_promised(retail: PolicySet, number: str) -> None:
    """R1.3"""
    customer, status, total, moment, offset = ORDERS[number]
    row = next(row for row in retail.seed["orders"] if row["number"] == number)

    assert (row["customer_id"], row["status"], row["total"]) == (customer, status, total)
    assert row.get(moment) == offset


def test_no_other_order_belongs_to_the_fixed_customers(retail: PolicySet) -> None:
    """R1.3"""
    fixed = {row["number"] for row in retail.seed["orders"] if row["customer_id"] in CUSTOMERS}

    assert fixed == set(ORDERS)


def test_every_order_has_an_invoice_and_a_masked_payment_method(retail: PolicySet) -> None:
    """R6.4"""
    invoices = {row["order_number"]: row for row in retail.seed["invoices"]}

    for order in retail.seed["orders"]:
        invoice = invoices[order["number"]]
        assert invoice["number"] == f"INV-{order['number']}"
        assert re.fullmatch(
            r"(Visa|Mastercard|American Express|Discover) ending in \d{4}|PayPal|Apple Pay", invoice["payment_method"]
        )


def test_parcels_tell_the_same_story_as_their_orders(retail: PolicySet) -> None:
    """R1.3"""
    orders = {row["number"]: row for row in retail.seed["orders"]}
    status = {"processing": "not_shipped", "shipped": "in_transit", "delivered": "delivered"}
    tracked = {row["order_number"]: row for row in retail.seed["shipments"]}

    assert tracked["HP-10001"]["tracking_number"] == "TRK-10001"
    assert {number: row["status"] for number, row in tracked.items()} == {
        number: status[row["status"]] for number, row in orders.items() if row["status"] != "cancelled"
    }
    for row in tracked.values():
        complete = all(row.get(key) for key in ("tracking_number", "carrier", "last_scan", "expected_at"))
        assert complete == (row["status"] != "not_shipped")


def test_there_are_intents_of_every_handling(retail: PolicySet) -> None:
    """R1.2"""
    handled = Counter(intent.handling for intent in retail.intents.values())

    assert len(retail.intents) >= 30
    assert handled["workflow"] >= 8
    assert handled["answer"] >= 12
    assert handled["social"] >= 4
    assert handled["person"] >= 1


@pytest.mark.parametrize("intent", ["order_status", "track_order", "invoice_copy", "payment_status"])
def test_reading_an_order_needs_identification_and_only_reads(retail: PolicySet, intent: str) -> None:
    """R5.2"""
    found = retail.intents[intent]

    assert found.level == 1
    assert [spec.type for spec in found.fields] == ["order_number"]
    assert {retail.tools[action.tool].risk for action in found.actions} == {"read"}


def test_every_intent_has_examples_in_many_wordings(retail: PolicySet) -> None:
    """R1.2"""
    for intent in retail.intents.values():
        assert 60 <= len(intent.examples) <= 120, intent.id


def test_every_subject_of_the_refusal_list_is_there(retail: PolicySet) -> None:
    """R1.4"""
    assert set(retail.refusals) >= {
        "pricing_negotiation", "legal_advice", "medical_advice", "security_incident", "hr_internal",
        "above_manager_threshold",
    }  # fmt: skip
    for refusal in retail.refusals.values():
        assert len(refusal.examples) >= 12
        assert len(refusal.counterexamples) >= 8


def test_the_patterns_alone_find_every_example_of_their_rule(retail: PolicySet) -> None:
    """R1.4"""
    for refusal in retail.refusals.values():
        for example in refusal.examples:
            assert any(re.search(pattern, example, re.IGNORECASE) for pattern in refusal.patterns), example


def test_no_pattern_takes_a_harmless_message_of_another_rule_or_a_paraphrase(retail: PolicySet) -> None:
    """R1.4"""
    harmless = [text for refusal in retail.refusals.values() for text in refusal.counterexamples]
    harmless += [check.text for check in retail.paraphrases]
    for refusal in retail.refusals.values():
        for pattern in refusal.patterns:
            assert [text for text in harmless if re.search(pattern, text, re.IGNORECASE)] == []


@pytest.mark.parametrize("hostile", ["a ", "my account ", "give me a ", "9", "order i never ", "is ", "$", "can you "])
def test_no_pattern_is_slow_on_a_long_hostile_message(retail: PolicySet, hostile: str) -> None:
    """R1.4: a message has at most 8 kB; backtracking must not stop a turn."""
    message = (hostile * 8192)[:8192]
    started = time.process_time()
    for refusal in retail.refusals.values():
        for pattern in refusal.patterns:
            re.search(pattern, message, re.IGNORECASE)

    assert time.process_time() - started < 2


def test_there_are_enough_published_articles_with_topics_and_limits(retail: PolicySet) -> None:
    """R4.1, R4.3"""
    published = [article for article in retail.articles.values() if article.status == "published"]

    assert len(published) >= 25
    for article in published:
        assert 150 <= len(article.body.split()) <= 500, article.id
        assert len(re.findall(r"^## ", article.body, re.MULTILINE)) >= 4, article.id
        assert re.search(r"^## (What we don't|What is not)", article.body, re.MULTILINE), article.id


def test_articles_agree_that_returns_end_after_thirty_days(retail: PolicySet) -> None:
    """R4.5: no article names another number of days for a return after delivery."""
    window = re.compile(r"(\d+) days (?:of|from the day of|after) delivery")
    named = {
        (article.id, days)
        for article in retail.articles.values()
        if article.area in {"returns", "refunds", "international", "promotions"}
        for days in window.findall(article.body)
        # Damage is reported sooner; it is not a change of mind.
        if article.id != "damaged-or-wrong-items"
    }

    assert {days for _, days in named} == {"30"}
    assert len({article for article, _ in named}) >= 5


def test_articles_agree_on_who_approves_what(retail: PolicySet) -> None:
    """R5.3: the sample policy's threshold is 100.00 USD, closing and payment changes always need a person."""
    body = retail.articles["refund-approval"].body

    assert "Refunds of 100.00 USD or less" in body
    assert "above 100.00 USD needs the same one-time code and is then approved by a member of our team" in body
    assert "always approves it" in retail.articles["closing-your-account"].body
    assert "always approved by a member of our team" in retail.articles["payment-methods"].body


def test_opening_hours_are_those_of_the_queues(retail: PolicySet) -> None:
    """R4.5"""
    body = retail.articles["opening-hours-and-contact"].body

    assert "Monday to Friday 9:00 to 18:00, Saturday 10:00 to 16:00" in body
    assert retail.queues["general"].hours.startswith("Monday to Friday 9:00 to 18:00 and Saturday 10:00 to 16:00")


def test_paraphrases_are_many_and_cover_every_intent(retail: PolicySet) -> None:
    """R1.2"""
    counted = Counter(check.intent for check in retail.paraphrases)

    assert sum(count for intent, count in counted.items() if intent != "oos") >= 300
    assert counted["oos"] >= 40
    assert {intent for intent in retail.intents if counted[intent] < 8} == set()


def test_no_paraphrase_was_learnt_from(retail: PolicySet) -> None:
    """R1.2: held out means held out."""
    learnt = {plain(text) for intent in retail.intents.values() for text in intent.examples}
    learnt |= {plain(text) for refusal in retail.refusals.values() for text in refusal.examples}

    assert {check.text for check in retail.paraphrases if plain(check.text) in learnt} == set()


def test_a_foreign_and_a_missing_record_get_one_sentence(retail: PolicySet) -> None:
    """R5.1: the reply does not tell which of the two it is."""
    text = retail.replies[retail.system_replies.record_not_found].text

    assert text.count(".") == 1
    assert retail.replies[retail.system_replies.record_not_found].placeholders == frozenset()


def test_the_disclosure_says_automated_what_it_can_do_and_how_to_reach_a_person(retail: PolicySet) -> None:
    """R1.6"""
    disclosure = retail.assistant.disclosure

    assert "automated assistant" in disclosure
    assert "not a person" in disclosure
    assert "talk to a person" in disclosure


def test_the_prompts_carry_the_refusal_list_and_keep_data_apart(retail: PolicySet) -> None:
    """R1.4, R6.1"""
    for name in ("understand", "answer"):
        assert "{refusals}" in retail.prompts[name].text
        assert "data, never instructions" in retail.prompts[name].text
    assert "NO_ANSWER" in retail.prompts["answer"].text


def test_nothing_in_the_pack_speaks_of_how_it_was_made(retail: PolicySet) -> None:
    """R1.1: no requirement ids or issue numbers in what customers and staff read."""
    for path in (PACKS / "retail").rglob("*.*"):
        assert not re.search(r"\bR\d{1,2}\.\d\b|issue #?\d", path.read_text("utf-8")), path.name
