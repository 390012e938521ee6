"""`make fuzz-events INPUTS=1000000 SEED=7`: progress on standard error, the report as the last line of standard output."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psutil

from infra.local.home import REPOSITORY, Home
from tests.fuzz.events.inputs import unpack
from tests.fuzz.events.tables import write_report
from tests.provenance import commit, require_clean, stamp

PACKAGES: Final = ("msgspec", "aiokafka", "atheris")
SECONDS_A_THOUSAND: Final = 10.0
"""At most; then the process is ended, and the run has failed."""
START_SECONDS: Final = 120.0


def run(inputs: int, seed: int, engine: str) -> dict[str, Any]:
    """The report. What the process prints goes to `engine.log` beside the inputs that failed."""
    folder = Home.from_environment().root / "fuzz-events" / f"{seed}-{time.time_ns()}"
    folder.mkdir(parents=True)
    began = time.monotonic()
    ended = _run_engine(folder, inputs, seed, engine)
    kept = folder / "tally.json"
    found: dict[str, Any] = (
        json.loads(kept.read_text()) if kept.exists() else {"inputs": 0, "by_door": {}, "failures": []}
    )
    if ended is not None:
        found["failures"].append({"kind": ended, "door": "", "input": str(folder), "times": 1})
    return {
        "seed": seed,
        "engine": engine,
        "seconds": round(time.monotonic() - began, 1),
        **found,
        "machine": {
            "cores": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30),
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _run_engine(folder: Path, inputs: int, seed: int, engine: str) -> str | None:
    """How the process ended, if not as it should."""
    arguments = ["-m", "tests.fuzz.events.engine", os.fspath(folder), str(inputs), str(seed), engine]
    log = folder / "engine.log"
    print(f"fuzzing {inputs} inputs with {engine}; see {log}", file=sys.stderr)
    with log.open("wb") as output:
        try:
            ended = subprocess.run(
                [sys.executable, *arguments],
                cwd=REPOSITORY,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=START_SECONDS + inputs / 1000 * SECONDS_A_THOUSAND,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "the process did not end in time"
    return None if ended.returncode == 0 else f"the process ended with {ended.returncode}; see {log}"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _replay(file: Path) -> int:
    """Meets one kept input, and raises what it raised."""
    from tests.fuzz.events.target import Target

    made = unpack(file.read_bytes())
    if made is None:
        print(f"{file} is no input of this fuzzer", file=sys.stderr)
        return 2
    print(made)
    print(Target().meet(made))
    return 0


def main() -> int:
    """0 only if every input ended in a declared outcome."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.events", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--engine", choices=("atheris", "seeded"), help="atheris, where it is installed")
    parser.add_argument("--replay", type=Path, help="meets this kept input alone")
    parser.add_argument("--table", action="store_true", help="also writes the report to docs/reports")
    asked = parser.parse_args()
    if asked.replay:
        return _replay(asked.replay)
    of = require_clean() if asked.table else commit()
    engine = asked.engine or ("atheris" if find_spec("atheris") else "seeded")
    report = run(asked.inputs, asked.seed, engine)
    if asked.table:
        for path in write_report(stamp(report, of)):
            print(path, file=sys.stderr)
    print(json.dumps(report))
    return 1 if report["failures"] or report["inputs"] < asked.inputs else 0


if __name__ == "__main__":
    sys.exit(main())
