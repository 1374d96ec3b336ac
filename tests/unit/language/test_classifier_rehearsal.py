"""What was left out of training teaches how sure to be, and what nobody taught looks like."""

import numpy as np
import pytest

from desk.language.classifier import IntentClassifier
from desk.language.features import TextFeatures
from desk.language.linear import train_linear
from desk.language.rehearsal import Evidence, Rehearsal, evidence_of
from desk.language.scope import Confidence, fit_confidence, fit_scope, unseen_mass
from tests.unit.language.shop import shop

TEXTS = [text for intent in shop().intents.values() for text in intent.examples]
LABELS = [intent.id for intent in shop().intents.values() for _ in intent.examples]


def rehearsal(texts: list[str], labels: list[str]) -> Rehearsal:
    names = sorted(set(labels))
    features = TextFeatures.learn(texts)
    y = np.asarray([names.index(label) for label in labels])
    return Rehearsal(features=features, rows=features.matrix(texts), y=y, classes=len(names))


def test_copies_are_left_out_together() -> None:
    """R3.1: a copy that stays would give its twin away."""
    copies = ["where is my order 1", "where is my order 22", "Where is my order 3?", "where is my order: 4"]
    evidence = rehearsal([*copies, "has the parcel left", "pay by card", "use another invoice"], list("aaaaabb"))
    left_out = evidence.without_texts()

    assert left_out is not None
    assert left_out.nearest.max() < 0.7


def test_a_class_left_out_scores_nothing_for_itself() -> None:
    """R1.5"""
    evidence = rehearsal(TEXTS, LABELS).without_classes()

    assert evidence is not None
    assert np.isneginf(evidence.scores[np.arange(len(evidence.y)), evidence.y]).all()


def test_words_of_a_class_left_out_are_unknown() -> None:
    """R1.5: as the words of a text out of scope are."""
    texts = ["zebra stripes", "striped zebras", "pay the bill", "pay it", "where is it", "where are they"]
    evidence = rehearsal(texts, list("aabbcc")).without_classes()

    assert evidence is not None
    assert evidence.coverage[evidence.y == 0].tolist() == [0, 0]
    assert evidence.nearest[evidence.y == 0].max() < 0.1


def test_a_row_forgets_what_was_not_learned() -> None:
    """Forgetting words must give the vector of a text without them, at its full length."""
    features = TextFeatures.learn(["cancel order", "zebra", "cancel it"])
    taught = features.matrix(["cancel order", "cancel it"])
    heard = features.forgetting(features.matrix(["cancel zebra"]), seen=features.columns_of(taught))

    assert (heard @ heard.T).toarray()[0, 0] == pytest.approx(1, abs=1e-4)
    assert features.coverage_of_rows(features.matrix(["zebra"]), seen=features.columns_of(taught)).tolist() == [0]


def test_words_nobody_taught_make_a_label_less_sure() -> None:
    """R3.1: customers use words that examples do not."""
    scores = np.asarray([[1.0, -1.0, -1.0]], dtype=np.float32)
    confidence = Confidence(sharpness=2.0)
    known, strange = (confidence(scores, np.asarray([coverage], dtype=np.float32))[0, 0] for coverage in (1.0, 0.3))

    assert strange < known


def test_confidence_is_learned_from_how_often_it_was_right() -> None:
    """R3.1: the same scores, right nine times in ten or half the time."""

    def learned(share: float) -> float:
        y = (np.arange(100) >= share * 100).astype(np.int64)
        scores = np.tile(np.asarray([0.5, -0.5], dtype=np.float32), (100, 1))
        whole = np.ones(100, dtype=np.float32)
        evidence = Evidence(scores=scores, nearest=whole, coverage=whole, y=y)
        return float(fit_confidence(evidence)(scores[:1], whole[:1])[0, 0])

    assert learned(0.9) == pytest.approx(0.9, abs=0.01)
    assert learned(0.75) == pytest.approx(0.75, abs=0.02)


def test_news_is_expected_less_the_more_texts_showed_nothing_new() -> None:
    """R1.5: the line of scope is set by it."""
    assert unseen_mass(5000, 50) < unseen_mass(500, 50) < unseen_mass(100, 50)


def test_the_line_of_scope_asks_for_more_where_news_is_likely() -> None:
    """R1.5"""
    taught = rehearsal(TEXTS, LABELS)
    known, left_out = taught.without_texts(), taught.without_classes()
    assert known is not None
    assert left_out is not None
    confidence = fit_confidence(known)
    strict, lenient = (fit_scope(known, [left_out], confidence=confidence, unseen_mass=mass) for mass in (0.05, 0.0005))

    assert strict.holds(left_out).sum() < lenient.holds(left_out).sum()


def test_too_few_examples_to_leave_any_out_still_decide_by_their_words() -> None:
    """R1.5: two labels with one text each."""
    classifier = IntentClassifier().fit(["cancel my order", "send the bill"], ["cancel", "bill"])

    assert classifier.predict("please cancel").in_scope
    assert not classifier.predict("zzz").in_scope


def test_a_class_that_was_not_trained_never_wins() -> None:
    features = TextFeatures.learn(["cancel it", "pay it", "track it"])
    scores = train_linear(features.matrix(["cancel it", "pay it"]), np.asarray([0, 2]), classes=3)

    assert scores.of_vector(features.vector("cancel it")).argmax() == 0
    assert scores.of_vector(features.vector("pay it")).argmax() == 2
    assert np.isneginf(scores.of_rows(features.matrix(["track it"]))[0, 1])


def test_one_vector_scores_as_its_row() -> None:
    features = TextFeatures.learn(TEXTS)
    y = np.asarray([sorted(set(LABELS)).index(label) for label in LABELS])
    rows = features.matrix(TEXTS)
    scores = train_linear(rows, y, classes=len(set(LABELS)))
    evidence = evidence_of(TEXTS[:1], features=features, rows=rows, scores=scores)

    assert np.allclose(scores.of_vector(features.vector(TEXTS[0])), evidence.scores[0], atol=1e-4)
    assert evidence.nearest[0] == pytest.approx(1, abs=1e-4)


def test_a_question_and_an_order_end_differently() -> None:
    """R3.1: the same words, told apart by how the text begins."""
    texts = [
        "can i cancel",
        "can i return",
        "can i pay",
        "cancel please can i",
        "return please can i",
        "pay please can i",
    ]
    classifier = IntentClassifier().fit(texts, list("qqqooo"))

    assert classifier.predict("can i subscribe").label == "q"
    assert classifier.predict("subscribe please can i").label == "o"
