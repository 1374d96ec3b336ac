"""``python -m evals``: the same as ``frontdesk eval run``, for a checkout that is not installed."""

import json
import sys

from evals.result import printed
from evals.run import Ask, run_suites
from evals.thresholds import limits

run = run_suites(sys.argv[1:], Ask(), limits=limits(), baseline=None)
json.dump([printed(result) for result in run["suites"]], sys.stdout, indent=2)
sys.exit(1 if run.get("misses") else 0)
