"""The output guard: what a model writes is said only where it stands on a passage, and never as a deed (R6.3)."""

import re

import pytest

from desk.policies.models import PolicySet
from desk.privacy.output_guard import clean, is_claim, is_supported, words_in

PASSAGE = (
    "You can return an item within 30 days of delivery. Your refund goes back to the card you paid with. "
    "Write to returns@harborandpine.example or read help.harborandpine.example/returns."
)
CLAIMS = [
    "I have refunded your order.", "I've just refunded 30 days of delivery.", "We cancelled the item.",
    "Your refund has been issued.", "Good news: your refund was approved.", "You are now verified.",
    "You're verified!", "Consider it done.", "Done: your item is cancelled.", "Your refund is on its way.",
    "Your account is closed.", "A manager has approved your refund.", "If you like, your refund has been approved.",
    "Congratulations - refund approved!", "Your delivery address was changed.", "Your refund is **approved**.",
    "I successfully refunded the card you paid with.", "If you want to know I have refunded your order.",
    "The refund that you asked for has been approved.", "Your order? Refunded.", "We’ve moved your delivery.",
]  # fmt: skip
RULES = [
    "Refunds are issued within 30 days.", "Once your refund is approved, it goes back to your card.",
    "You can return an item within 30 days.", "If your refund has been approved, it goes back to the card.",
    "Your refund is issued to the card you paid with.", "An item can be cancelled until delivery.",
    "We will refund the card you paid with.",
    "Once you were verified, your refund goes back to the card.", "When we have received the item we refund you.",
]  # fmt: skip


@pytest.mark.parametrize("sentence", CLAIMS)
def test_a_sentence_of_knowledge_never_says_that_something_was_done(sentence: str) -> None:
    """R6.3: only a result can say so."""
    assert is_claim(sentence, evidence=[PASSAGE])


@pytest.mark.parametrize("sentence", RULES)
def test_a_rule_is_no_deed(sentence: str) -> None:
    assert not is_claim(sentence, evidence=[PASSAGE])


def test_an_articles_own_sentence_about_the_past_is_said_as_it_stands() -> None:
    article = "What is new\n- We have updated our prices. They hold from today."

    assert not is_claim("We have updated our prices.", evidence=[article])
    assert is_claim("We have updated your prices.", evidence=[article])


def test_nearly_every_sentence_of_the_sample_articles_could_be_paraphrased(retail: PolicySet) -> None:
    """The check costs no answers: what it stops is rare in what articles say."""
    bodies = " ".join(article.body for article in retail.articles.values())
    sentences = [sentence for sentence in re.split(r"(?<=[.!?])\s+|\n+", bodies) if len(sentence) > 20]

    assert sum(is_claim(sentence, evidence=[]) for sentence in sentences) / len(sentences) < 0.01


@pytest.mark.parametrize(
    "sentence",
    [
        "You can return an item within 31 days of delivery.",
        "You can return an item, like Ben Okafor, within 30 days of delivery.",
        "You can return an item within 30 days of delivery, write to ben.okafor@example.com.",
        "You can return an item within 30 days of delivery on evil-shop.example/pay",
        "You can return an item within 30 days of delivery to Boston.",
        "You can return an item within 30 days of delivery, it is r\u0435funded.",  # a Cyrillic letter
    ],
)
def test_numbers_addresses_and_names_come_from_the_evidence(sentence: str) -> None:
    assert not is_supported(sentence, evidence=[PASSAGE])


@pytest.mark.parametrize(
    "sentence",
    [
        "You can return an item within 30 days of delivery.",
        "Yes, you may return an item within 30 days, e.g. by writing to returns@harborandpine.example.",
        "I'm happy to say that your refund goes back to the card, see help.harborandpine.example/returns.",
    ],
)
def test_a_paraphrase_is_said(sentence: str) -> None:
    assert is_supported(sentence, evidence=[PASSAGE])


def test_words_of_our_instructions_alone_are_not_said() -> None:
    """D05: whatever a prompt holds that nothing else does."""
    unspoken = words_in("Never say heliotrope.") - words_in(PASSAGE)
    sentence = "You can return an item within 30 days of delivery, heliotrope."

    assert is_supported(sentence, evidence=[PASSAGE])
    assert not is_supported(sentence, evidence=[PASSAGE], unspoken=unspoken)


def test_what_could_act_in_a_browser_is_gone() -> None:
    """F01, F02."""
    text = "![x](https://evil.example/?d=1) <script>a</script> [pay](https://evil.example) javascript:alert ok"

    assert clean(text, allowed_hosts=frozenset()).split() == ["x", "a", "pay", "ok"]
