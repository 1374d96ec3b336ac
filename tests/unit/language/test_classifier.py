"""The classifier learns from examples, knows how sure it is, and knows what it was not taught."""

import subprocess
import sys

import numpy as np
import pytest

from desk.domain.errors import InvalidRequest
from desk.language.classifier import IntentClassifier
from desk.language.features import TextFeatures
from tests.unit.language.shop import shop

TEXTS = [text for intent in shop().intents.values() for text in intent.examples]
LABELS = [intent.id for intent in shop().intents.values() for _ in intent.examples]


@pytest.fixture(scope="module")
def classifier() -> IntentClassifier:
    return IntentClassifier().fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Could you tell me where my order has got to?", "order_status"),
        ("hw do i retrun a lamp", "returns_policy"),
        ("please send the bill again", "invoice_copy"),
        ("I typed in a wrong street for my order", "delivery_address"),
    ],
)
def test_words_it_has_not_seen_get_the_right_label(classifier: IntentClassifier, text: str, label: str) -> None:
    """R3.1"""
    assert classifier.predict(text).label == label


def test_a_synonym_teaches_what_an_example_says() -> None:
    """R3.1: "modify" and "revoke" were never seen, "change" and "cancel" were."""
    classifier = IntentClassifier().fit(["cancel my order", "change my order", "cancel it", "change it"], list("abab"))

    assert classifier.predict("revoke the purchase").label == "a"
    assert classifier.predict("modify the purchase").label == "b"


@pytest.mark.parametrize("text", ["tell me about the roman empire", "how tall is mount everest", "is my cat pregnant"])
def test_words_nobody_taught_put_a_text_out_of_scope(classifier: IntentClassifier, text: str) -> None:
    """R1.5: their small words alone look like a question of a customer."""
    assert not classifier.predict(text).in_scope


def test_texts_about_nothing_it_knows_are_out_of_scope(classifier: IntentClassifier) -> None:
    """R3.1, R1.5"""
    for text in ("zebra quantum xylophone", "", "???", "ваш заказ"):
        assert not classifier.predict(text).in_scope, text


def test_examples_are_in_scope(classifier: IntentClassifier) -> None:
    """R3.1"""
    assert np.mean([classifier.predict(text).in_scope for text in TEXTS]) == 1.0


def test_probabilities_are_ranked_and_add_up_to_one(classifier: IntentClassifier) -> None:
    """R3.1"""
    prediction = classifier.predict("where is my order")
    probabilities = [probability for _, probability in prediction.ranked]

    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert prediction.ranked[0] == (prediction.label, prediction.confidence)


def test_an_ambiguous_text_is_less_sure_than_a_clear_one(classifier: IntentClassifier) -> None:
    """R3.1"""
    clear = classifier.predict("where is my order")
    torn = classifier.predict("invoice return")

    assert torn.confidence < clear.confidence


def test_equal_examples_give_equal_predictions() -> None:
    """R3.3: whatever the order of a set or the seed of a hash is."""
    script = (
        "from desk.language.classifier import IntentClassifier as C;"
        "c = C().fit(['where is it', 'track it', 'pay now', 'pay later'], list('aabb'));"
        "print(c.predict('where do i pay').ranked)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1


def test_texts_out_of_scope_can_be_taught() -> None:
    """R3.1"""
    strange = ["what is the weather like", "will it rain", "how is the weather in Rome", "is it going to rain"] * 3
    taught = IntentClassifier().fit(TEXTS, LABELS, out_of_scope_texts=strange)

    assert not taught.predict("what will the weather be like in Rome").in_scope


def test_too_little_to_learn_from_is_an_error() -> None:
    with pytest.raises(InvalidRequest, match="two labels"):
        IntentClassifier().fit(["a", "b"], ["same", "same"])
    with pytest.raises(InvalidRequest, match="2 texts but 1"):
        IntentClassifier().fit(["a", "b"], ["one"])
    with pytest.raises(InvalidRequest, match="not been trained"):
        IntentClassifier().predict("a")


def test_repeated_and_empty_examples_do_no_harm() -> None:
    texts = ["where is it", "where is it", "", "pay", "pay", "..."]

    assert IntentClassifier().fit(texts, list("aaabbb")).predict("where is it?").label == "a"


@pytest.mark.parametrize("text", ["\ud800 \0", "x" * 100_000, "A b " * 20_000, "{" * 8192, "@" * 8192, "1-" * 4096])
def test_hostile_texts_are_classified_quickly(classifier: IntentClassifier, text: str) -> None:
    """G01, G02, G05: a pattern that is not linear would run into the time limit of the suite."""
    assert 0 <= classifier.predict(text).confidence <= 1


def test_a_text_is_at_most_as_long_as_itself() -> None:
    features = TextFeatures.learn(["where is my order", "cancel it"])
    vector = features.vector("where is my order")

    assert vector @ vector == pytest.approx(1, abs=1e-4)
    assert np.allclose(features.matrix(["where is my order"]).toarray()[0], vector)


def test_importing_the_engine_loads_no_heavy_library() -> None:
    """R12.1: a server that is never asked starts without them."""
    script = "import desk.language.offline, sys; print(any(n in sys.modules for n in ('sklearn', 'scipy')))"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert output.stdout.strip() == "False"
