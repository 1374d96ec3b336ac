"""The evaluation rows written by hand are well-formed and stand in no data anybody trained or tuned on (R10.1)."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from desk.policies.loader import PACKS, load_pack

DATA = Path(__file__).parents[3] / "evals" / "data"
POLICIES = load_pack(PACKS / "retail")


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


QUESTIONS = rows("questions_pack.jsonl")
PAIRS = rows("conflicts_pack.jsonl")
DISPUTED = rows("conflict_questions_pack.jsonl")


def of(kind: str) -> list[dict[str, Any]]:
    return [row for row in QUESTIONS if row["kind"] == kind]


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def seen_before() -> set[str]:
    """What the classifier learns or is measured by, and what the older suites are tuned on."""
    texts = [row["text"] for name in ("retrieval_pack.jsonl", "answers_pack.jsonl") for row in rows(name)]
    texts += [text for intent in POLICIES.intents.values() for text in intent.examples]
    texts += [text for rule in POLICIES.refusals.values() for text in (*rule.examples, *rule.counterexamples)]
    texts += [paraphrase.text for paraphrase in POLICIES.paraphrases]
    return {plain(text) for text in texts}


def halves(written: list[dict[str, Any]]) -> int:
    parts = Counter(row["part"] for row in written)
    assert set(parts) == {"tune", "test"}
    return abs(parts["tune"] - parts["test"])


def test_there_are_as_many_questions_as_promised() -> None:
    distances = Counter(row["distance"] for row in of("unanswerable"))

    assert len(of("answerable")) >= 120
    assert len(of("unanswerable")) >= 70
    assert distances["near"] * 2 >= len(of("unanswerable"))
    assert len(of("follow_up")) >= 50
    assert len([row for row in of("follow_up") if not row["relevant"]]) >= 8
    assert len(of("new_subject")) >= 12


@pytest.mark.parametrize("kind", ["answerable", "unanswerable", "follow_up", "new_subject"])
def test_half_of_each_kind_of_question_is_kept_for_the_test(kind: str) -> None:
    assert halves(of(kind)) <= 1


def test_no_question_stands_twice_or_in_data_used_before() -> None:
    texts = [plain(row["text"]) for row in (*QUESTIONS, *DISPUTED)]

    assert [text for text, times in Counter(texts).items() if times > 1] == []
    assert sorted(set(texts) & seen_before()) == []


def test_ids_are_unique() -> None:
    ids = [row["id"] for row in (*QUESTIONS, *PAIRS, *DISPUTED)]

    assert len(ids) == len(set(ids))


def test_questions_name_intents_of_the_pack() -> None:
    assert {row["intent"] for row in QUESTIONS} - {None} <= set(POLICIES.intents)


def test_every_article_is_asked_for() -> None:
    assert {article for row in of("answerable") for article in row["relevant"]} == set(POLICIES.articles)


def test_what_an_answer_must_say_stands_in_an_article_named_as_relevant() -> None:
    missing = [
        (row["id"], pattern)
        for row in QUESTIONS
        for pattern in row.get("must", [])
        if not any(re.search(pattern, POLICIES.articles[article].body) for article in row["relevant"])
    ]

    assert missing == []
    assert all(row["must"] and row["reference"] for row in QUESTIONS if row["relevant"])


def test_a_question_without_an_article_asks_for_no_words() -> None:
    assert all(not row.get("must") for row in QUESTIONS if not row["relevant"])
    assert all(row["relevant"] == [] for row in of("unanswerable"))


def test_a_follow_up_has_an_earlier_exchange() -> None:
    for row in (*of("follow_up"), *of("new_subject")):
        assert 1 <= len(row["before"]) <= 2
        assert all(set(exchange) == {"customer", "assistant"} for exchange in row["before"])


def test_there_are_as_many_pairs_as_promised() -> None:
    labels = Counter(row["label"] for row in PAIRS)

    assert set(labels) == {"conflict", "no_conflict"}
    assert min(labels.values()) >= 60


@pytest.mark.parametrize("label", ["conflict", "no_conflict"])
def test_half_of_the_pairs_of_each_label_is_kept_for_the_test(label: str) -> None:
    assert halves([row for row in PAIRS if row["label"] == label]) <= 1


def test_both_sides_of_a_pair_are_a_title_and_a_statement() -> None:
    for row in PAIRS:
        for side in (row["text"], row["text_b"]):
            title, dash, statement = side.partition(" — ")
            assert all((title, dash, statement))
        assert row["kind"]
        assert row["why"]


def test_no_pair_stands_twice_or_opposes_a_text_to_itself() -> None:
    pairs = Counter(frozenset((plain(row["text"]), plain(row["text_b"]))) for row in PAIRS)

    assert [pair for pair, times in pairs.items() if times > 1 or len(pair) < 2] == []


def test_there_are_as_many_disputed_questions_as_promised() -> None:
    expected = Counter(row["expected"] for row in DISPUTED)

    assert set(expected) == {"conflict", "answer"}
    assert min(expected.values()) >= 20


@pytest.mark.parametrize("expected", ["conflict", "answer"])
def test_half_of_the_disputed_questions_is_kept_for_the_test(expected: str) -> None:
    assert halves([row for row in DISPUTED if row["expected"] == expected]) <= 1


def test_the_article_added_to_a_disputed_question_has_an_area_of_the_pack() -> None:
    areas = {article.area for article in POLICIES.articles.values()}
    added = [article for row in DISPUTED for article in row["add"]]

    assert {article["area"] for article in added} <= areas
    assert all(article["title"] and article["body"] for article in added)
    assert all(row["relevant"] and set(row["relevant"]) <= set(POLICIES.articles) for row in DISPUTED)


def test_a_disputed_question_names_what_both_articles_say() -> None:
    for row in DISPUTED:
        ours = " ".join(POLICIES.articles[article].body for article in row["relevant"])
        theirs = " ".join(article["body"] for article in row["add"])
        first, *rest = row["must"]

        assert re.search(first, ours), row["id"]
        assert [bool(re.search(pattern, theirs)) for pattern in rest] == [True] * (row["expected"] == "conflict")
