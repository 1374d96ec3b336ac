"""Each sentence of an answer can be followed to the file it came from (R4.6)."""

from desk.domain.passages import Passage
from desk.language.engine import AnswerPart
from retrieval.sources import audit_rows, cited


def passage(chunk_id: str) -> Passage:
    article, _, rest = chunk_id.partition("@")
    return Passage(
        chunk_id=chunk_id, article=article, version=rest.split("#")[0], title=article.title(), heading="", area="a",
        text="t", score=0.9,
    )  # fmt: skip


def part(text: str, *chunk_ids: str, restart: bool = False) -> AnswerPart:
    return AnswerPart(text=text, chunk_ids=list(chunk_ids), restart=restart)


PASSAGES = [passage("returns@1.0#days"), passage("returns@1.0#costs"), passage("delivery@1.2#express")]


def test_each_article_version_is_cited_once_in_order_of_use() -> None:
    """R4.6"""
    parts = [part("A. ", "delivery@1.2#express"), part("B. ", "returns@1.0#days"), part("C.", "returns@1.0#costs")]

    assert cited(parts, passages=PASSAGES) == [
        {"article": "delivery", "version": "1.2", "title": "Delivery"},
        {"article": "returns", "version": "1.0", "title": "Returns"},
    ]


def test_an_id_that_was_not_retrieved_is_no_source() -> None:
    """R4.6"""
    assert cited([part("A.", "invented@9.9#x")], passages=PASSAGES) == []


def test_parts_before_a_restart_are_forgotten() -> None:
    parts = [part("A. ", "delivery@1.2#express"), part("B.", "returns@1.0#days", restart=True)]

    assert [source["article"] for source in cited(parts, passages=PASSAGES)] == ["returns"]


def test_audit_rows_lead_from_sentence_to_file() -> None:
    """R4.6"""
    parts = [part("A. ", "returns@1.0#days", "delivery@1.2#express"), part("Hello.")]
    paths = {"returns": "knowledge/returns.md", "delivery": "knowledge/delivery.md"}

    assert audit_rows(parts, passages=PASSAGES, paths=paths) == [
        {"text": "A.", "chunk_id": "returns@1.0#days", "article": "returns@1.0", "path": "knowledge/returns.md"},
        {"text": "A.", "chunk_id": "delivery@1.2#express", "article": "delivery@1.2", "path": "knowledge/delivery.md"},
    ]
