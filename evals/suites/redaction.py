"""Suite ``redaction``: recall and precision of what is masked, by type, and time per message.

Rows are ``{text, label: [{type, start, end}]}``. A row whose label is no list of spans (an ordinary message) counts
what is masked in it as false positives.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desk.domain.errors import InvalidRequest
from desk.privacy.redaction import ALL, SENSITIVE, Found, Kind, redact
from evals.result import SuiteResult

TYPES: dict[str, Kind] = {
    "CREDIT_CARD": "card", "IBAN_CODE": "iban", "US_SSN": "us_ssn", "UK_NINO": "uk_nino", "US_PASSPORT": "passport",
    "US_DRIVER_LICENSE": "driving_licence", "US_BANK_NUMBER": "bank_account", "PASSWORD": "secret",
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone",
}  # fmt: skip
"""Names of types in public data sets, beside our own."""

MAX_FAILURES = 50


def run(*, data: Sequence[Path]) -> SuiteResult:
    """Measures on JSON-lines files. Raises ``InvalidRequest`` for a line that is no such row."""
    hits: Counter[str] = Counter()
    golds: Counter[str] = Counter()
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    ordinary = ordinary_masked = 0
    failures: list[dict[str, Any]] = []
    rows = [row for path in data for row in _rows(path)]
    seconds = 0.0
    for row in rows:
        text, label = row["text"], row.get("label")
        started = time.perf_counter()
        found = redact(text, kinds=ALL).found
        seconds += time.perf_counter() - started
        if not isinstance(label, list):
            masked = [item for item in found if item.type in SENSITIVE]
            ordinary += 1
            ordinary_masked += bool(masked)
            failures += [
                _failure(text, item.type, item.start, item.end, "masked in an ordinary message") for item in masked
            ]
            continue
        for span in label:
            kind = TYPES.get(span["type"], span["type"])
            if kind not in ALL:
                continue
            golds[kind] += 1
            if _covered(span, [item for item in found if item.type == kind]):
                hits[kind] += 1
            else:
                failures.append(_failure(text, kind, span["start"], span["end"], "missed"))
        for item in found:
            said[item.type] += 1
            if any(TYPES.get(span["type"], span["type"]) == item.type and _overlaps(span, item) for span in label):
                right[item.type] += 1
            else:
                failures.append(_failure(text, item.type, item.start, item.end, "false positive"))
    figures = {f"{kind}_recall": round(hits[kind] / golds[kind], 4) for kind in sorted(golds)}
    figures |= {f"{kind}_precision": round(right[kind] / said[kind], 4) for kind in sorted(said)}
    figures |= {f"{kind}_rows": float(golds[kind]) for kind in sorted(golds)}
    figures |= {"ordinary_messages": float(ordinary), "ordinary_masked": float(ordinary_masked)}
    figures["ms_per_message"] = round(seconds / max(1, len(rows)) * 1000, 4)
    failures.sort(key=lambda failure: failure["type"] not in SENSITIVE)
    return SuiteResult(
        suite="redaction", engine="offline", rows=len(rows), figures=figures, failures=failures[:MAX_FAILURES]
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows.append({"text": str(row["text"]), "label": row.get("label")})
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise InvalidRequest(f"{path.name}, line {number}: not a row with a text") from exc
    return rows


def _covered(span: dict[str, Any], found: list[Found]) -> bool:
    return any(item.start <= span["start"] and span["end"] <= item.end for item in found)


def _overlaps(span: dict[str, Any], item: Found) -> bool:
    return bool(item.start < span["end"] and span["start"] < item.end)


def _failure(text: str, kind: str, start: int, end: int, why: str) -> dict[str, Any]:
    return {"text": text, "type": kind, "start": start, "end": end, "value": text[start:end], "why": why}
