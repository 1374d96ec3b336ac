"""The classifier suite: intents and the out-of-scope decision, on any file or on a pack's own paraphrases."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from desk.domain.errors import InvalidRequest
from desk.language.classifier import IntentClassifier, Prediction
from desk.language.offline import OfflineEngine
from desk.policies.models import PolicySet
from evals.result import Lines, Scores, SuiteResult, row_id

OUT_OF_SCOPE = "oos"
FOLDS = 5
BINS = 10
MAX_FAILURES = 50


class LabelledText(TypedDict):
    text: str
    label: str
    split: str
    """``train``, ``test`` or whatever the file says; empty when it says nothing."""
    group: str


def run(
    *, train: Path | None, test: Path | None, data: Sequence[Path] = (), group_by: str | None = None
) -> SuiteResult:
    """Measure the offline classifier.

    ``train`` and ``test`` are two files; else each file of ``data`` is divided by its ``split`` field where there is
    one (``test`` against everything else), and cross-validated where there is none. ``group_by`` names a field whose
    values are measured apart, each with its own classifier: the figures are over all test rows, and again per group
    with the group's name before them. Raises ``InvalidRequest`` naming file and line.
    """
    if (train is None) != (test is None):
        raise InvalidRequest("The classifier suite needs both a training and a test file, or data files to divide")
    if train is not None and test is not None:
        pairs = _grouped(_read(train, group_by), _read(test, group_by))
    elif data:
        rows = [row for path in data for row in _read(path, group_by)]
        pairs = [
            pair for group in sorted({row["group"] for row in rows}) for pair in _divided(rows, group=group)
        ]  # fmt: skip
    else:
        raise InvalidRequest("The classifier suite needs a file to measure on")
    outcomes = [outcome for pair in pairs for outcome in _measure(*pair)]
    if not outcomes:
        raise InvalidRequest("There is no row to test on")
    figures = _figures(outcomes)
    groups = sorted({outcome["row"]["group"] for outcome in outcomes})
    if len(groups) > 1:
        for group in groups:
            own = _figures([outcome for outcome in outcomes if outcome["row"]["group"] == group])
            figures |= {f"{group}.{name}": value for name, value in own.items()}
    return SuiteResult(
        suite="classifier", engine="offline", rows=len(outcomes), figures=figures, failures=_failures(outcomes)
    )


def run_pack(policies: PolicySet, paraphrases: Mapping[str, Sequence[str]]) -> SuiteResult:
    """Measure the engine's classifier on held-out texts, by intent id, refusal id or ``oos``.

    Raises ``InvalidRequest`` for an id the pack does not have.
    """
    known = set(policies.intents) | set(policies.refusals) | {OUT_OF_SCOPE}
    if unknown := sorted(set(paraphrases) - known):
        raise InvalidRequest(f"The pack has no intent or refusal called {', '.join(unknown)}")
    started = time.perf_counter()
    engine = OfflineEngine.from_policies(policies)
    seconds = time.perf_counter() - started
    rows = [
        LabelledText(text=text, label=label, split="test", group="")
        for label, texts in paraphrases.items()
        for text in texts
    ]
    labels = {name: name.removeprefix("refusal:") for name in engine.classifier.labels}
    outcomes = _predict(engine.classifier, rows, seconds=seconds, names=labels)
    return SuiteResult(
        suite="classifier",
        engine="offline",
        rows=len(rows),
        figures=_figures(outcomes),
        failures=_failures(outcomes),
        scores=_scores(outcomes),
        plots=[_reliability(outcomes)],
    )


class _Outcome(TypedDict):
    row: LabelledText
    prediction: Prediction
    label: str
    """The decision: a label, or ``oos``."""
    best: str
    ms: float
    seconds: float


def _read(path: Path, group_by: str | None) -> list[LabelledText]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise InvalidRequest(f"{path} cannot be read") from exc
    return [_row(line, f"{path}:{number}", group_by) for number, line in enumerate(lines, start=1) if line.strip()]


def _row(line: bytes, place: str, group_by: str | None) -> LabelledText:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"{place}: not a JSON object") from exc
    if not isinstance(row, dict):
        raise InvalidRequest(f"{place}: not a JSON object")
    for key in ("text", "label", *([group_by] if group_by else [])):
        value = row.get(key)
        if not isinstance(value, str):
            raise InvalidRequest(f'{place}: "{key}" is missing or not a string')
        if not value.strip():
            raise InvalidRequest(f'{place}: "{key}" is empty')
        if "\0" in value or not _is_text(value):
            raise InvalidRequest(f'{place}: "{key}" holds a NUL or half a character')
    return LabelledText(
        text=row["text"],
        label=row["label"],
        split=str(row.get("split") or ""),
        group=row[group_by] if group_by else "",
    )


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_Pair = tuple[list[LabelledText], list[LabelledText]]


def _grouped(train: list[LabelledText], test: list[LabelledText]) -> list[_Pair]:
    groups = sorted({row["group"] for row in test})
    return [
        ([row for row in train if row["group"] == group], [row for row in test if row["group"] == group])
        for group in groups
    ]


def _divided(rows: Sequence[LabelledText], *, group: str) -> list[_Pair]:
    """By the file's own split, else in ``FOLDS`` folds that each hold every label's share."""
    rows = [row for row in rows if row["group"] == group]
    # A validation part is there to develop on, which here means to train on.
    train = [row for row in rows if row["split"] not in ("test", "")]
    test = [row for row in rows if row["split"] == "test"]
    if train and test:
        return [(train, test)]
    order = sorted(range(len(rows)), key=lambda number: (rows[number]["label"], rows[number]["text"]))
    fold = {number: place % FOLDS for place, number in enumerate(order)}
    return [
        ([row for n, row in enumerate(rows) if fold[n] != held], [row for n, row in enumerate(rows) if fold[n] == held])
        for held in range(FOLDS)
    ]


def _measure(train: Sequence[LabelledText], test: Sequence[LabelledText]) -> list[_Outcome]:
    inside = [row for row in train if row["label"] != OUT_OF_SCOPE]
    started = time.perf_counter()
    classifier = IntentClassifier().fit(
        [row["text"] for row in inside],
        [row["label"] for row in inside],
        out_of_scope_texts=[row["text"] for row in train if row["label"] == OUT_OF_SCOPE],
    )
    return _predict(classifier, test, seconds=time.perf_counter() - started, names={})


def _predict(
    classifier: IntentClassifier, rows: Sequence[LabelledText], *, seconds: float, names: Mapping[str, str]
) -> list[_Outcome]:
    outcomes = []
    for row in rows:
        started = time.perf_counter()
        prediction = classifier.predict(row["text"])
        ms = (time.perf_counter() - started) * 1000
        best = names.get(prediction.label, prediction.label)
        decided = best if prediction.in_scope else OUT_OF_SCOPE
        outcomes.append(
            _Outcome(row=row, prediction=prediction, label=decided, best=best, ms=ms, seconds=seconds)
        )  # fmt: skip
    return outcomes


def _figures(outcomes: Sequence[_Outcome]) -> dict[str, float]:
    """``accuracy``, ``macro_f1`` and ``calibration_error`` over in-scope rows; refusing one of them is an error.

    ``accuracy_without_scope`` ignores the scope decision. Figures without any row to stand on are left out.
    """
    inside = [outcome for outcome in outcomes if outcome["row"]["label"] != OUT_OF_SCOPE]
    outside = [outcome for outcome in outcomes if outcome["row"]["label"] == OUT_OF_SCOPE]
    refused = [outcome for outcome in outcomes if outcome["label"] == OUT_OF_SCOPE]
    figures: dict[str, float] = {}
    if inside:
        figures["accuracy"] = _share(outcome["label"] == outcome["row"]["label"] for outcome in inside)
        figures["macro_f1"] = _macro_f1(outcomes)
        figures["accuracy_without_scope"] = _share(outcome["best"] == outcome["row"]["label"] for outcome in inside)
        figures["calibration_error"] = _calibration_error(inside)
    if outside:
        figures["oos_recall"] = _share(outcome["label"] == OUT_OF_SCOPE for outcome in outside)
        if refused:
            figures["oos_precision"] = _share(outcome["row"]["label"] == OUT_OF_SCOPE for outcome in refused)
    figures["ms_per_message"] = float(np.mean([outcome["ms"] for outcome in outcomes]))
    figures["seconds_to_train"] = max(outcome["seconds"] for outcome in outcomes)
    return {name: round(value, 4) for name, value in figures.items()}


def _scores(outcomes: Sequence[_Outcome]) -> Scores:
    """The figures that are means over rows."""
    scores: Scores = {"accuracy": {}, "accuracy_without_scope": {}, "oos_recall": {}}
    for outcome in outcomes:
        label, row = outcome["row"]["label"], _id(outcome)
        if label == OUT_OF_SCOPE:
            scores["oos_recall"][row] = float(outcome["label"] == OUT_OF_SCOPE)
        else:
            scores["accuracy"][row] = float(outcome["label"] == label)
            scores["accuracy_without_scope"][row] = float(outcome["best"] == label)
    return scores


def _id(outcome: _Outcome) -> str:
    """The same text may be a row of two labels."""
    return f"{outcome['row']['label']}/{row_id(outcome['row'])}"


def _reliability(outcomes: Sequence[_Outcome]) -> Lines:
    """How often it is right when it says how sure it is."""
    inside = [outcome for outcome in outcomes if outcome["row"]["label"] != OUT_OF_SCOPE]
    bins: dict[int, list[_Outcome]] = {}
    for outcome in inside:
        bins.setdefault(min(int(outcome["prediction"].confidence * BINS), BINS - 1), []).append(outcome)
    return Lines(
        kind="lines",
        title="Stated confidence and the share that is right",
        axes=("confidence", "right"),
        groups={
            "measured": [
                (
                    float(np.mean([outcome["prediction"].confidence for outcome in held])),
                    _share(outcome["best"] == outcome["row"]["label"] for outcome in held),
                )
                for _, held in sorted(bins.items())
            ],
            "as it should be": [(0.0, 0.0), (1.0, 1.0)],
        },
        marks={},
    )


def _share(hits: Any) -> float:
    return float(np.mean(list(hits)))


def _macro_f1(outcomes: Sequence[_Outcome]) -> float:
    """Mean F1 of the labels of the in-scope test rows; rows out of scope count against the label they were given."""
    scores = []
    for label in sorted({outcome["row"]["label"] for outcome in outcomes} - {OUT_OF_SCOPE}):
        said = sum(outcome["label"] == label for outcome in outcomes)
        meant = sum(outcome["row"]["label"] == label for outcome in outcomes)
        both = sum(outcome["label"] == label == outcome["row"]["label"] for outcome in outcomes)
        scores.append(2 * both / (said + meant))
    return float(np.mean(scores))


def _calibration_error(outcomes: Sequence[_Outcome]) -> float:
    """Expected calibration error in ten bins: how far confidence is from the share that is right."""
    confidence = np.asarray([outcome["prediction"].confidence for outcome in outcomes])
    right = np.asarray([outcome["best"] == outcome["row"]["label"] for outcome in outcomes])
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(confidence[bins == n].mean() - right[bins == n].mean()) * np.mean(bins == n) for n in np.unique(bins)]
    return float(np.sum(gaps))


def _failures(outcomes: Sequence[_Outcome]) -> list[dict[str, Any]]:
    """The rows decided wrongly, those decided most surely first."""
    wrong = [outcome for outcome in outcomes if outcome["label"] != outcome["row"]["label"]]
    wrong.sort(key=lambda outcome: -outcome["prediction"].confidence)
    return [
        {
            "id": _id(outcome),
            "wrong": _wrong(outcome),
            "text": outcome["row"]["text"],
            "label": outcome["row"]["label"],
            "predicted": outcome["label"],
            "confidence": round(outcome["prediction"].confidence, 3),
        }
        for outcome in wrong[:MAX_FAILURES]
    ]


def _wrong(outcome: _Outcome) -> str:
    if outcome["label"] == OUT_OF_SCOPE:
        return "called out of scope"
    return "not seen to be out of scope" if outcome["row"]["label"] == OUT_OF_SCOPE else "another intent"
