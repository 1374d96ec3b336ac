"""What every eval suite returns, and what ``frontdesk eval run --json`` prints."""

from typing import Any, TypedDict


class SuiteResult(TypedDict):
    suite: str
    engine: str
    """``offline`` or ``openai``."""
    rows: int
    """Test rows measured."""
    figures: dict[str, float]
    failures: list[dict[str, Any]]
    """Up to 50 rows that went wrong, the worst first."""
