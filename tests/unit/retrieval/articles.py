"""Small articles of the retrieval tests."""

from datetime import date
from typing import Any

from desk.policies.models import Article


def article(body: str, **changes: Any) -> Article:
    """A published public article with this body."""
    values: dict[str, Any] = {
        "id": "returns-policy",
        "title": "Returns policy",
        "area": "returns",
        "owner": "Returns team",
        "review_cadence": "6m",
        "next_review": date(2027, 4, 1),
        "version": "1.0",
        "status": "published",
        "effective": date(2026, 1, 1),
        "source": "Handbook",
        "body": body,
        "path": "knowledge/returns-policy.md",
    }
    return Article(**(values | changes))


SHOP = (
    article("You may return unused items within 30 days of delivery.\n\n## Who pays\n\nWe pay the return postage."),
    article(
        "Standard delivery takes 3 to 5 business days. Express takes 2 business days.",
        id="delivery-times", title="How long delivery takes", area="delivery", path="knowledge/delivery-times.md",
    ),
    article(
        "Wash linen curtains at 30 degrees and hang them wet.",
        id="linen-care", title="Caring for linen", area="product_care", path="knowledge/linen-care.md",
    ),
)  # fmt: skip
