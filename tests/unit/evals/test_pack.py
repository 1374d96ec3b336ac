"""The sample pack keeps every threshold, and nothing is worse than the baseline (R10.2, R10.3)."""

import pytest

from evals.report.files import BASELINE, read_run
from evals.run import Ask, run_suites, suites
from evals.thresholds import limits


@pytest.mark.heavy
def test_every_suite_keeps_its_thresholds_and_its_baseline() -> None:
    """What `make eval` measures. When a change is meant to cost something: docs/evals.md, thresholds and baseline."""
    run = run_suites([], Ask(), limits=limits(), baseline=read_run(BASELINE))

    assert [result["suite"] for result in run["suites"]] == suites()
    assert run["misses"] == []
    assert run["regressions"] == []
