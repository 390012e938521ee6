"""Trials in a row: a fresh proxied now and then, and after every violation; what was found is counted."""

import asyncio
import platform
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from infra.local.errors import LocalError
from infra.local.home import Home
from tests.faults.trial import Outcome, fault_of, keep_evidence, run_trial
from tests.faults.trial_environment import TrialEnvironment, fresh_environment

TRIALS_A_BED: Final = 12
ATTEMPTS: Final = 3
"""At one trial, as long as its fault did not happen."""
STUDENTS: Final = 110
PACKAGES: Final = ("aiokafka", "faststream", "asyncpg", "msgspec")


@dataclass
class Run:
    """Which trials. `kinds` are taken in turn; without, each kind comes once in each round, by the seed."""

    seed: int
    first: int
    trials: int
    students: int = STUDENTS
    kinds: Sequence[str] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failures(self) -> list[Outcome]:
        """Trials in which something did not hold."""
        return [outcome for outcome in self.outcomes if outcome.violations]

    @property
    def not_happened(self) -> list[Outcome]:
        """Trials whose fault did not happen, or met no load, in any attempt."""
        return [outcome for outcome in self.outcomes if outcome.not_happened]


async def run_trials(run: Run) -> None:
    """Fills `run.outcomes`. A proxied on which something did not hold is not used any more; its logs are kept."""
    began = time.monotonic()
    async with AsyncExitStack() as beds:
        environment: TrialEnvironment | None = None
        used = 0
        for trial in range(run.first, run.first + run.trials):
            if environment is None or used == TRIALS_A_BED:
                await beds.aclose()
                environment, used = await beds.enter_async_context(fresh_environment(run.seed, trial)), 0
            fault = run.kinds[trial % len(run.kinds)] if run.kinds else fault_of(run.seed, trial)
            outcome = await attempt_trial(environment, run, trial, fault)
            used += 1
            run.outcomes.append(outcome)
            run.seconds = time.monotonic() - began
            if outcome.violations:
                folder = logs_folder(run.seed, trial)
                environment.keep_logs(folder)
                await keep_evidence(environment, folder / "evidence.pickle")
                environment = None


async def attempt_trial(environment: TrialEnvironment, run: Run, trial: int, fault: str) -> Outcome:
    """Until the fault has happened, at most `ATTEMPTS` times; the last attempt, with the reasons of those before."""
    notes: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        outcome = await run_trial(environment, run.seed, trial, fault, run.students, attempt)
        _tell(outcome)
        if outcome.violations or not outcome.not_happened:
            break
        notes.append(f"attempt {attempt} did not happen: {'; '.join(outcome.not_happened)}")
    outcome.notes = [*notes[: outcome.attempt - 1], *outcome.notes]
    return outcome


def logs_folder(seed: int, trial: int) -> Path:
    """Where the logs of a failed trial are kept."""
    return Home.from_environment().root / "faults-found" / f"{seed}-{trial}"


def _tell(outcome: Outcome) -> None:
    what = "; ".join(outcome.did) or outcome.fault
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.phases.items()) or "broken off"
    said = "ok"
    if outcome.violations:
        said = "FAILED " + " | ".join(str(found) for found in outcome.violations)
    elif outcome.not_happened:
        said = f"DID NOT HAPPEN {' | '.join(outcome.not_happened)}"
    print(
        f"{outcome.seed}/{outcome.trial} {what} [{told}, {outcome.events} events] {said}",
        *(f"    {note}" for note in outcome.notes),
        sep="\n",
        file=sys.stderr,
        flush=True,
    )


def report(run: Run) -> dict[str, Any]:
    """Counts by fault, failures with what is needed to run them again, and where this was."""
    return {
        "trials": len(run.outcomes),
        "seed": run.seed,
        "first": run.first,
        "students_a_trial": run.students,
        "seconds": round(run.seconds, 1),
        "events": sum(outcome.events for outcome in run.outcomes),
        "by_fault": _by_fault(run),
        "did_not_happen": [{"seed": outcome.seed, **outcome.line()} for outcome in run.not_happened],
        "noted": [
            {"seed": outcome.seed, **outcome.line()}
            for outcome in run.outcomes
            if outcome.notes and not outcome.violations
        ],
        "memory": [
            {"trial": outcome.trial, "fault": outcome.fault, **use.line()}
            for outcome in run.outcomes
            for use in outcome.memory
        ],
        "in_flight": {str(outcome.trial): outcome.in_flight for outcome in run.outcomes},
        "failures": [{"seed": outcome.seed, **outcome.line()} for outcome in run.failures],
        "machine": {
            "cores": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30),
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


def _by_fault(run: Run) -> Mapping[str, Mapping[str, int]]:
    trials = Counter(outcome.fault for outcome in run.outcomes)
    failed = Counter(outcome.fault for outcome in run.failures)
    missed = Counter(outcome.fault for outcome in run.not_happened)
    return {
        fault: {"trials": trials[fault], "did_not_happen": missed[fault], "failed": failed[fault]}
        for fault in sorted(trials)
    }


def run(run: Run) -> dict[str, Any]:
    """All of it; returns the report. Interrupted, or without servers, it reports what was done until then."""
    interrupted = False
    try:
        asyncio.run(run_trials(run))
    except KeyboardInterrupt:
        interrupted = True
    except LocalError as error:
        print(error, file=sys.stderr)
        interrupted = True
    return {**report(run), "interrupted": interrupted}
