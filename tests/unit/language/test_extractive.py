"""Answers are whole sentences of one approved passage, in the order they were written."""

import time
from typing import Any

import pytest

from desk.domain.passages import Passage
from desk.language.extractive import answer_parts
from desk.language.markdown_units import sentences, units_of

RETURNS = """You can return most items within **30 days** of delivery. The item must be unused and in its box.
Refunds go to the [original payment method](https://example.com/pay). They take 5 business days.
Return shipping is free in the United States. Customers in Canada pay 9.95 USD for a label.

These items cannot be returned:

- Gift cards
- Mattresses without their cover
- Custom-made furniture
"""
SHIPPING = """We ship with two carriers. Prices depend on the method you choose at checkout, not on the weight.

| Method | Time | Price |
| --- | --- | --- |
| Standard | 3 to 5 days | free above 50 USD |
| Express | 1 to 2 days | 12.00 USD |

Orders placed before 14:00 Eastern Time leave the same day.
"""


def passage(text: str, **changes: Any) -> Passage:
    base = Passage(
        chunk_id="returns@1.0#policy", article="returns", version="1.0", title="Returns", heading="Policy",
        area="returns", text=text, score=0.8,
    )  # fmt: skip
    return Passage(**{**base, **changes})  # type: ignore[typeddict-item]


def said(question: str, *passages: Passage) -> str:
    return "".join(part["text"] for part in answer_parts(question, passages))


def test_the_sentence_that_answers_is_said_word_for_word() -> None:
    """R3.3, R4.6"""
    answer = said("How many days do I have to return an item after delivery?", passage(RETURNS))

    assert "You can return most items within **30 days** of delivery." in answer
    assert "Canada" not in answer
    assert "](" not in answer


def test_a_list_keeps_its_introduction() -> None:
    """R3.3: "Gift cards" alone would say the opposite."""
    answer = said("Can I return gift cards?", passage(RETURNS))

    assert "These items cannot be returned:\n\n- Gift cards" in answer


def test_a_list_without_introduction_gets_its_heading() -> None:
    """R3.3"""
    items = "- Gift cards\n- Mattresses without their cover\n- Custom-made furniture\n- Worn textiles\n"
    answer = said("Can I return a mattress?", passage(items, heading="Items that cannot be returned"))

    assert answer == "**Items that cannot be returned**\n\n- Mattresses without their cover"


def test_a_sentence_that_leans_on_the_one_before_keeps_it() -> None:
    """R3.3"""
    answer = said("How many business days does it take?", passage(RETURNS))

    assert "Refunds go to the original payment method. They take 5 business days." in answer


def test_an_answer_to_a_question_of_the_article_keeps_that_question() -> None:
    """R3.3"""
    text = "The label comes by e-mail. No printer? Choose the QR code. Pack the item well. Keep the receipt. Thank you."

    assert said("Where is the QR code?", passage(text)) == "No printer? Choose the QR code."


def test_a_table_row_is_readable_alone() -> None:
    """R3.3"""
    answer = said("How much is express?", passage(SHIPPING, title="Shipping", heading="Methods"))

    assert "- **Express**: Time: 1 to 2 days; Price: 12.00 USD" in answer
    assert "Standard" not in answer


def test_every_part_names_the_passage_it_stands_on() -> None:
    """R4.6"""
    parts = answer_parts(
        "How do refunds work?", [passage(RETURNS), passage(SHIPPING, chunk_id="other@1.0#x", score=0.2)]
    )

    assert parts
    assert {chunk for part in parts for chunk in part["chunk_ids"]} == {"returns@1.0#policy"}
    assert not any(part["restart"] for part in parts)


def test_two_articles_are_never_mixed() -> None:
    """R4.5: they may disagree."""
    older = passage("You can return items within 14 days of delivery.", chunk_id="old@1.0#x", article="old", score=0.7)

    assert "14 days" not in said("Within how many days of delivery can I return items?", passage(RETURNS), older)


@pytest.mark.parametrize("question", ["Who won the football world cup?", "", "???", "the of and"])
def test_a_passage_about_something_else_is_no_answer(question: str) -> None:
    """R4.4"""
    assert answer_parts(question, [passage(RETURNS)]) == []


def test_no_passage_is_no_answer() -> None:
    """R4.4"""
    assert answer_parts("How do I return something?", []) == []


def test_a_short_passage_is_said_whole() -> None:
    """R3.3"""
    text = "We are open from 9 to 18. On Sundays we are closed."

    assert said("When are you open?", passage(text, title="Opening hours")) == text


def test_steps_are_said_together() -> None:
    """R3.3"""
    steps = "Start here.\n\n1. Open the returns page.\n2. Print the label.\n3. Hand in the parcel.\n\nThat is all."

    assert "1. Open the returns page.\n2. Print the label.\n3. Hand in" in said(
        "How do I print a label?", passage(steps)
    )


def test_sentences_are_not_cut_at_abbreviations_and_amounts() -> None:
    """R3.3"""
    text = "Allow approx. 5 days, e.g. Monday to Friday. It costs 9.95 USD. Ask Mr. Lee."

    assert sentences(text) == ["Allow approx. 5 days, e.g. Monday to Friday.", "It costs 9.95 USD.", "Ask Mr. Lee."]


@pytest.mark.parametrize("piece", ["| ", "- ", "[a](", "<", "*", "`", ". A", "1. ", "\n", "| a |\n|---|\n", "![", ": "])
def test_hostile_markdown_takes_no_time(piece: str) -> None:
    """G05"""
    started = time.process_time()
    units_of((piece * 8192)[:8192])

    assert time.process_time() - started < 0.5


LEAD = "A refund starts when your return has reached our warehouse. You need not ask for it."
TIMES = """| Step | Time |
| --- | --- |
| Your parcel travels | 3 to 7 business days |
| We check it | within 2 business days |
"""
LIMITS = "We don't refund to another card. We don't pay refunds in cash."


def refunds(**texts: str) -> list[Passage]:
    """Passages of one article, best first; the name is the heading, ``lead`` has none."""
    return [
        passage(
            text, chunk_id=f"refunds@1.0#{name}", article="refunds", title="How long a refund takes",
            heading="" if name == "lead" else name.replace("_", " "),
        )
        for name, text in texts.items()
    ]  # fmt: skip


def test_a_general_question_is_answered_by_the_kind_of_fact_it_asks_for() -> None:
    """R3.3: the exclusions come first in the search, but nobody asked for them."""
    answer = said("How long do refunds take?", *refunds(What_we_don_t_do=LIMITS, The_steps=TIMES, lead=LEAD))

    assert answer == (
        "A refund starts when your return has reached our warehouse.\n\n**The steps**\n\n"
        "- **Your parcel travels**: 3 to 7 business days\n- **We check it**: within 2 business days"
    )


def test_exclusions_are_said_when_the_question_asks_for_one() -> None:
    """R3.3"""
    passages = refunds(**{"What we don't do": LIMITS}, The_steps=TIMES, lead=LEAD)

    assert said("Do you pay refunds in cash?", *passages).startswith("We don't refund to another card.")


def test_an_answer_over_several_sections_cites_each() -> None:
    """R4.6"""
    parts = answer_parts("How long do refunds take?", refunds(The_steps=TIMES, lead=LEAD))

    assert [part["chunk_ids"][0].partition("#")[2] for part in parts] == ["lead", "The_steps", "The_steps", "The_steps"]


def test_an_opening_is_followed_by_what_it_promises() -> None:
    """R3.3"""
    passages = refunds(lead="We put it right at our cost.", Your_choice="You get a replacement or your money back.")

    assert said("my vase arrived broken, who puts it right", *passages) == (
        "We put it right at our cost.\n\nYou get a replacement or your money back."
    )


def test_added_sections_stay_short_enough_to_read() -> None:
    """R3.3"""
    long = "The refund of an item takes a while. " * 12
    answer = said("Tell me about refunds", *refunds(lead=LEAD, One=long, Two=long, Three=long))

    assert len(answer) <= 700
