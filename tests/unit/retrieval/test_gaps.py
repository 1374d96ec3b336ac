"""Unanswered questions are put together by what they ask, the most frequent first (R4.7)."""

from datetime import UTC, datetime, timedelta

from desk.knowledge.gaps import AskedGap
from retrieval.gaps import grouped

START = datetime(2026, 11, 1, tzinfo=UTC)


def asked(*questions: str, conversation: str | None = None) -> list[AskedGap]:
    return [
        AskedGap(
            conversation_id=conversation or f"conv_{n}", asked_at=START + timedelta(hours=n), question=question,
            intent="product_information", nearest="materials-and-samples",
        )
        for n, question in enumerate(questions)
    ]  # fmt: skip


def test_the_same_question_in_other_words_is_one_gap_and_the_most_frequent_comes_first() -> None:
    found = grouped(
        asked(
            "Do you sell garden furniture?", "Is the desk lamp dimmable?", "do you sell garden furnitures",
            "Can I buy garden furniture here?", "Is that desk lamp dimmable please?",
        )
    )  # fmt: skip

    assert [(gap.asked, gap.conversations) for gap in found] == [(3, 3), (2, 2)]
    assert "garden" in found[0].question
    assert (found[0].first_asked_at, found[0].last_asked_at) == (START, START + timedelta(hours=3))
    assert found[0].nearest == "materials-and-samples"
    assert found[0].question not in found[0].examples


def test_one_customer_who_asks_again_is_one_conversation() -> None:
    (gap,) = grouped(asked("Do you sell sundials?", "Do you sell sundials?", conversation="conv_1"))
    assert (gap.asked, gap.conversations) == (2, 1)


def test_different_questions_that_share_a_word_stay_apart() -> None:
    found = grouped(asked("Do you repair garden chairs?", "Do you sell garden gnomes?"))
    assert len(found) == 2


def test_questions_of_stop_words_alone_and_the_order_they_come_in_change_nothing() -> None:
    rows = asked("Why?", "Do you sell sundials?", "why?", "Which sundials do you sell?")
    assert grouped(rows) == grouped(list(reversed(rows)))
    assert [gap.asked for gap in grouped(rows)] == [2, 2]
