"""`make faults TRIALS=100 SEED=7`: progress on standard error, the report as the last line of standard output."""

import argparse
import json
import sys

from tests.faults.kinds.every import FAULTS
from tests.faults.run import STUDENTS, Run, run
from tests.faults.tables import write_report
from tests.provenance import commit, require_clean, stamp


def main() -> int:
    """0 only if everything held in every trial."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--students", type=int, default=STUDENTS, help="new students in each trial")
    parser.add_argument(
        "--fault", action="append", choices=sorted(FAULTS), help="this kind (and others so named) alone"
    )
    parser.add_argument("--table", action="store_true", help="also writes docs/reports/faults.md and .json")
    asked = parser.parse_args()
    of = require_clean() if asked.table else commit()
    report = run(Run(asked.seed, asked.first, asked.trials, asked.students, asked.fault or ()))
    if asked.table:
        for path in write_report(stamp(report, of)):
            print(path, file=sys.stderr)
    print(json.dumps(report))
    if nothing_happened := len(report["did_not_happen"]) == report["trials"]:
        print("No fault happened in any trial: nothing is shown.", file=sys.stderr)
    return 1 if report["failures"] or report["interrupted"] or nothing_happened else 0


if __name__ == "__main__":
    sys.exit(main())
