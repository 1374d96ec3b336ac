"""Sentiment, frustration and language of one message."""

import time

import pytest

from desk.language.language_id import language_of
from desk.language.sentiment import mood


@pytest.mark.parametrize(
    "text", ["Where is my order?", "I want to cancel HP-10001", "no problem", "NASA is in the USA"]
)
def test_plain_requests_are_calm(text: str) -> None:
    """R3.1"""
    assert mood(text).frustration < 0.2


@pytest.mark.parametrize(
    "text",
    [
        "THIS IS THE THIRD TIME I ASK!!! WHERE IS MY ORDER",
        "this is fucking useless",
        "I have already told you twice, what a joke, nobody answers",
        "Worst shop ever. I'm furious.",
    ],
)
def test_anger_is_heard(text: str) -> None:
    """R3.1, R7.3"""
    assert mood(text).sentiment == "negative"
    assert mood(text).frustration > 0.6


def test_shouting_makes_a_complaint_angrier_and_thanks_calm_it() -> None:
    """R3.1"""
    plain = mood("my lamp arrived broken").frustration

    assert mood("MY LAMP ARRIVED BROKEN!!!").frustration > plain
    assert mood("my lamp arrived broken, thanks for your kind help").frustration < plain


def test_a_negation_turns_praise_round() -> None:
    """R3.1"""
    assert mood("thanks, great help").sentiment == "positive"
    assert mood("that was not helpful").sentiment == "negative"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my order?", "en"),
        ("Où est ma commande HP-30001 ?", "fr"),
        ("Bonjour, je voudrais un remboursement", "fr"),
        ("¿Dónde está mi pedido?", "es"),
        ("Wo ist meine Bestellung?", "de"),
        ("Dov'è il mio ordine?", "it"),
        ("Waar is mijn bestelling?", "nl"),
        ("Onde está o meu pedido?", "pt"),
        ("cancel", "en"),
    ],
)
def test_one_line_shows_its_language(text: str, language: str) -> None:
    """R3.1"""
    assert language_of(text) == language


def test_a_message_without_words_is_in_the_language_of_the_conversation() -> None:
    """R3.1"""
    assert language_of("HP-30001", default="fr") == "fr"


@pytest.mark.parametrize("text", ["a" * 8192, "!?" * 4096, "not " * 2048, "for a " * 1365, "\ud800\0" * 4096])
def test_hostile_texts_take_no_time(text: str) -> None:
    """G05"""
    started = time.process_time()
    mood(text)
    language_of(text)

    assert time.process_time() - started < 0.25
