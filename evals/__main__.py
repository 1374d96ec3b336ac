"""``python -m evals``: the same as ``frontdesk eval run``, for a checkout that is not installed."""

import json
import sys

from evals.run import Files, misses, run_suite, suites

results = [run_suite(name, Files()) for name in sys.argv[1:] or suites()]
json.dump(results, sys.stdout, indent=2)
sys.exit(1 if any(misses(result) for result in results) else 0)
