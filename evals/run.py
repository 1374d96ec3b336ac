"""Runs suites by name: on files when some are given, else on the pack of the settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from desk.config.settings import Settings, load_settings
from desk.domain.clock import now, rfc3339
from desk.domain.errors import InvalidRequest
from desk.policies.loader import load_pack, resolve_pack
from desk.policies.models import PolicySet
from evals.comparing import compare, regressions
from evals.progress import Progress, silent
from evals.report.files import FORMAT, Run
from evals.result import SuiteResult
from evals.thresholds import Limits, misses

if TYPE_CHECKING:
    from evals.ragas_judge import Judge


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

    @property
    def names(self) -> str:
        paths = (*self.data, self.train, self.test, self.corpus, self.queries)
        return ", ".join(path.name for path in paths if path is not None)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What to measure and how."""

    files: Files = field(default_factory=Files)
    judge_rows: int | None = None
    """Answers the judge reads; None: as many as the suite likes."""
    progress: Progress = silent


def suites() -> list[str]:
    """The suites that need nothing but the pack."""
    return [name for name in _SUITES if name not in _ON_FILES_ALONE]


def run_suite(name: str, ask: Ask) -> SuiteResult:
    """The suite's result. Raises ``InvalidRequest`` for an unknown suite, missing files and bad rows."""
    from langsmith import tracing_context

    if name not in _SUITES:
        raise InvalidRequest(f"There is no suite {name}; there are {', '.join(_SUITES)}.")
    # Whatever is traced in production: rows of an evaluation stay here.
    with tracing_context(enabled=False):
        return _SUITES[name](ask)


def run_suites(names: Sequence[str], ask: Ask, *, limits: Limits, baseline: Run | None) -> Run:
    """Every suite, what it misses, and what changed since the baseline. Files have no thresholds."""
    results = [run_suite(name, ask) for name in names or suites()]
    run = Run(
        format=FORMAT,
        at=rfc3339(now()),
        pack=ask.files.names or _named(_pack()),
        judge=load_settings().judge_model if any("not_judged" in result for result in results) else None,
        suites=results,
        misses=[],
    )
    if not ask.files.given:
        run["misses"] = [miss for result in results for miss in misses(result, wanted=limits.get(result["suite"], {}))]
    if baseline is not None:
        run["baseline"] = baseline["at"]
        run["changes"] = compare(baseline["suites"], results, limits=limits)
        run["regressions"] = regressions(run["changes"])
    return run


def _classifier(ask: Ask) -> SuiteResult:
    from evals.suites import classifier

    files = ask.files
    if files.given:
        return classifier.run(train=files.train, test=files.test, data=files.data, group_by=files.group_by)
    policies = _pack()
    paraphrases: dict[str, list[str]] = {}
    for paraphrase in policies.paraphrases:
        paraphrases.setdefault(paraphrase.intent, []).append(paraphrase.text)
    return classifier.run_pack(policies, paraphrases)


def _retrieval(ask: Ask) -> SuiteResult:
    files = ask.files
    if not files.given:
        from evals.suites import retrieval_pack

        return retrieval_pack.run_pack(_pack(), progress=ask.progress)
    from evals.suites import retrieval

    if files.corpus is None or files.queries is None:
        raise InvalidRequest("The retrieval suite needs --corpus and --queries.")
    return retrieval.run(corpus=files.corpus, queries=files.queries)


def _answers(ask: Ask) -> SuiteResult:
    if ask.files.given:
        raise InvalidRequest("The answers suite measures the pack; it takes no files.")
    from evals.suites import answers

    rows = answers.JUDGE_ROWS if ask.judge_rows is None else ask.judge_rows
    return answers.run_pack(_pack(), judge=_judge(load_settings()), judge_rows=rows, progress=ask.progress)


def _conflicts(ask: Ask) -> SuiteResult:
    from evals.suites import conflicts

    return conflicts.run(data=ask.files.data) if ask.files.data else conflicts.run_pack(_pack())


def _redaction(ask: Ask) -> SuiteResult:
    from evals.suites import redaction

    if not ask.files.data:
        raise InvalidRequest("The redaction suite needs --data.")
    return redaction.run(data=ask.files.data)


def _judge(settings: Settings) -> "Judge | None":
    if settings.judge_model is None:
        return None
    from evals.ragas_judge import judge_from

    return judge_from(settings)


def _pack() -> PolicySet:
    return load_pack(resolve_pack(load_settings().pack))


def _named(policies: PolicySet) -> str:
    return f"{policies.name} {policies.label} ({policies.version})"


_SUITES: dict[str, Callable[[Ask], SuiteResult]] = {
    "classifier": _classifier,
    "retrieval": _retrieval,
    "answers": _answers,
    "conflicts": _conflicts,
    "redaction": _redaction,
}
_ON_FILES_ALONE = ("redaction",)
