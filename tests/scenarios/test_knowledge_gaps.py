"""What nobody could answer is kept for those who write the articles."""

from desk.knowledge.gaps import GapStore
from retrieval.gaps import GapReport, KnowledgeGaps
from tests.scenarios.conftest import Shop


async def gaps(shop: Shop) -> list[GapReport]:
    return await KnowledgeGaps(GapStore(shop.desk.pool)).report()


async def test_a_question_without_an_article_is_a_gap_and_an_answered_one_is_none(shop: Shop) -> None:
    """R4.7: redacted, with the intent, counted by question and by conversation."""
    for _ in range(2):
        customer = await shop.customer()
        await customer.says("What is your returns policy?")
        heard = await customer.says("what type of bulb socket is in the reading lamp, E26?")
        assert heard.outcome == "answered"
        assert "Talk to a person" in heard.options

    (gap,) = await gaps(shop)
    assert (gap.asked, gap.conversations) == (2, 2)
    assert "bulb socket" in gap.question


async def test_small_talk_refusals_and_what_is_out_of_scope_are_no_gaps(shop: Shop) -> None:
    """R4.7: nobody writes an article about these."""
    for message in ("Hi there!", "Can you give me 20% off?", "What is the capital of Peru?", "Where is my order?"):
        await (await shop.customer()).says(message)
    assert await gaps(shop) == []
