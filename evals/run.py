"""Runs suites by name: on files when some are given, else on the pack of the settings."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from desk.config.settings import load_settings
from desk.domain.errors import InvalidRequest
from desk.policies.loader import load_pack, resolve_pack
from desk.policies.models import PolicySet
from evals.result import SuiteResult

THRESHOLDS = Path(__file__).parent / "thresholds.yaml"


@dataclass(frozen=True, kw_only=True)
class Files:
    """What a suite measures. Nothing given: the pack's own rows."""

    data: tuple[Path, ...] = ()
    train: Path | None = None
    test: Path | None = None
    group_by: str | None = None
    corpus: Path | None = None
    queries: Path | None = None

    @property
    def given(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def suites() -> list[str]:
    """The suites that need nothing but the pack."""
    return [name for name in _SUITES if name not in _ON_FILES_ALONE]


def run_suite(name: str, files: Files) -> SuiteResult:
    """The suite's result. Raises ``InvalidRequest`` for an unknown suite, missing files and bad rows."""
    if name not in _SUITES:
        raise InvalidRequest(f"There is no suite {name}; there are {', '.join(_SUITES)}.")
    return _SUITES[name](files)


def misses(result: SuiteResult) -> list[str]:
    """One sentence for each figure beyond its threshold in ``thresholds.yaml``."""
    wanted = yaml.safe_load(THRESHOLDS.read_text(encoding="utf-8")).get(result["suite"], {})
    sentences = []
    for figure, limits in wanted.items():
        value = result["figures"][figure]
        if "min" in limits and value < limits["min"]:
            sentences.append(f"{result['suite']}: {figure} is {value:.4f}, at least {limits['min']} is wanted")
        if "max" in limits and value > limits["max"]:
            sentences.append(f"{result['suite']}: {figure} is {value:.4f}, at most {limits['max']} is wanted")
    return sentences


def _classifier(files: Files) -> SuiteResult:
    from evals.suites import classifier

    if files.given:
        return classifier.run(train=files.train, test=files.test, data=files.data, group_by=files.group_by)
    policies = _pack()
    paraphrases: dict[str, list[str]] = {}
    for paraphrase in policies.paraphrases:
        paraphrases.setdefault(paraphrase.intent, []).append(paraphrase.text)
    return classifier.run_pack(policies, paraphrases)


def _retrieval(files: Files) -> SuiteResult:
    from evals.suites import retrieval, retrieval_pack

    if not files.given:
        return retrieval_pack.run_pack(_pack())
    if files.corpus is None or files.queries is None:
        raise InvalidRequest("The retrieval suite needs --corpus and --queries.")
    return retrieval.run(corpus=files.corpus, queries=files.queries)


def _answers(files: Files) -> SuiteResult:
    from evals.suites import answers

    if files.given:
        raise InvalidRequest("The answers suite measures the pack; it takes no files.")
    return answers.run_pack(_pack())


def _redaction(files: Files) -> SuiteResult:
    from evals.suites import redaction

    if not files.data:
        raise InvalidRequest("The redaction suite needs --data.")
    return redaction.run(data=files.data)


def _pack() -> PolicySet:
    return load_pack(resolve_pack(load_settings().pack))


_SUITES: dict[str, Callable[[Files], SuiteResult]] = {
    "classifier": _classifier,
    "retrieval": _retrieval,
    "answers": _answers,
    "redaction": _redaction,
}
_ON_FILES_ALONE = ("redaction",)
