"""Mutants of the checks themselves: what they would then take for shown."""

from tests.mutants.mutant import Mutant

CHECKS = (
    Mutant(
        "the-demo-is-loaded-although-it-was-rejected",
        "make up DEMO=1 reports success when intake rejected every event",
        "infra/demo/send.py",
        "    if unexpected := {name: code for name, code in codes.items() if name not in wrong}:\n",
        "    if unexpected := {name: code for name, code in codes.items() if name in wrong and not code}:\n",
        ("tests/unit/demo/test_send.py",),
    ),
    Mutant(
        "any-rejection-is-evidence-of-poison",
        "a trial in which no poison was rejected counts",
        "tests/faults/kinds/poison.py",
        "        return not places - await _rejected_places(ground)\n",
        "        return bool(await _rejected_places(ground))\n",
        ("tests/faults/test_poison.py",),
    ),
    Mutant(
        "a-refused-reading-is-a-metric",
        "a service that refuses to give its metrics has refused no connection before an attack",
        "tests/faults/metrics.py",
        "                if answer.status_code == httpx.codes.OK:\n",
        "                if answer.status_code > 0:\n",
        ("tests/faults/test_metrics.py",),
    ),
    Mutant(
        "only-the-outermost-exception-of-a-fault-is-reported",
        "what several parts of a fault raise is reported as one error without a reason",
        "tests/faults/trial.py",
        "        if isinstance(error, BaseExceptionGroup):\n",
        "        if isinstance(error, BaseExceptionGroup) and not error.exceptions:\n",
        ("tests/faults/test_raised.py",),
    ),
    Mutant(
        "any-exception-may-hold-a-partition",
        "an unhandled exception of the code that takes fetches apart is a declared outcome of the fuzzer",
        "tests/fuzz/events/held.py",
        "        if not is_unreadable(error) or not _is_named(stage, error):\n",
        "        if not is_unreadable(error):\n",
        ("tests/unit/fuzz/test_events.py",),
    ),
    Mutant(
        "an-unmeasured-figure-hides-a-missed-one",
        "a row of the README with a missed target says only that another figure was not measured",
        "tests/figures.py",
        '        words.append(f"**{NOT_MEASURED}**")\n',
        '        words = [f"**{NOT_MEASURED}**"]\n',
        ("tests/unit/test_figures_tables.py",),
    ),
    Mutant(
        "the-columns-of-a-log-hold-anything",
        "a version or a causation id of a log, in every row, is no violation in simulation or fault trials",
        "tests/invariants/log_tables.py",
        "        for column in (*KEPT, *told):\n",
        "        for column in KEPT:\n",
        ("tests/unit/invariants/test_columns.py",),
    ),
    Mutant(
        "the-head-of-a-log-has-any-time",
        "the time at which a log ends, from which the next event's is taken, is no violation",
        "tests/invariants/log_tables.py",
        '        assert row["time"] == time, (\n',
        '        assert row["time"] == time or row["time"], (\n',
        ("tests/unit/invariants/test_columns.py",),
    ),
)
