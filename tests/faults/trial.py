"""One trial: load, a fault in the middle of it, quiet, and all invariants."""

import asyncio
import pickle
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.faults.fault_context import DidNotHappen, Expected, FaultContext
from tests.faults.kinds.every import FAULTS
from tests.faults.memory import MemoryUse
from tests.faults.quiescence import NotQuiescent, Quiescence
from tests.faults.trial_environment import TrialEnvironment
from tests.faults.workload import NAMES
from tests.invariants.every import Violation, violations
from tests.invariants.evidence import Evidence
from tests.invariants.reading import gather

TRIAL_SECONDS: Final = 300.0
APPLY_SECONDS: Final = 90.0
KEEP_SECONDS: Final = 60.0
ERASED: Final = 2
"""Students of each tenant who are erased in a trial."""


@dataclass
class Outcome:
    """What became of one trial."""

    seed: int
    trial: int
    fault: str
    did: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    not_happened: list[str] = field(default_factory=list)
    """Why it proves nothing although nothing was violated; empty when the fault happened, under load."""
    in_flight: list[int] = field(default_factory=list)
    memory: list[MemoryUse] = field(default_factory=list)
    attempt: int = 1
    events: int = 0
    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """For the report."""
        return {
            "trial": self.trial,
            "fault": self.fault,
            "did": self.did,
            "notes": self.notes,
            "attempt": self.attempt,
            "not_happened": self.not_happened,
            "in_flight": self.in_flight,
            "memory": [use.line() for use in self.memory],
            "events": self.events,
            "seconds": round(self.seconds, 1),
            "phases": {name: round(seconds, 1) for name, seconds in self.phases.items()},
            "violations": [{"invariant": v.invariant, "finding": v.finding} for v in self.violations],
        }


def draw_of(seed: int, trial: int, attempt: int = 1) -> random.Random:
    """The choices of one attempt at one trial, and of no other."""
    return random.Random(f"{seed}/{trial}" if attempt == 1 else f"{seed}/{trial}/{attempt}")


def fault_of(seed: int, trial: int, faults: Mapping[str, Any] = FAULTS) -> str:
    """Every kind comes once in each round; the order of a round depends on the seed and its number."""
    names = sorted(faults)
    round_number, place = divmod(trial, len(names))
    random.Random(f"{seed}/round {round_number}").shuffle(names)
    return names[place]


async def run_trial(
    environment: TrialEnvironment, seed: int, trial: int, fault: str, students: int, attempt: int = 1
) -> Outcome:
    """Never raises for what the system does: everything that is not right is a violation of the outcome."""
    outcome = Outcome(seed, trial, fault, attempt=attempt)
    draw = draw_of(seed, trial, attempt)
    lanes = environment.workload.trial(draw, students)
    context = FaultContext(environment, draw, lanes, environment.workload.leaving(draw, ERASED))
    began = time.monotonic()
    try:
        async with asyncio.timeout(TRIAL_SECONDS):
            await _suffer(context, fault)
            outcome.phases["fault"] = time.monotonic() - began
            await context.proxied.heal()
            outcome.phases["healed"] = time.monotonic() - began
            await _become_quiet(context)
            outcome.phases["quiet"] = time.monotonic() - began
            outcome.violations = await judge(environment)
            outcome.phases["judged"] = time.monotonic() - began
    except* Expected as group:  # faults run in task groups, which wrap what they raise
        outcome.violations += [Violation("expected", str(error)) for error in _each(group)]
    except* NotQuiescent as group:
        outcome.violations += [Violation("quiet", str(error)) for error in _each(group)]
    except* Exception as group:
        outcome.violations += [
            Violation("trial", f"{type(error).__name__}: {error}") for error in _each(group)
        ]
    finally:
        if context.load is not None:
            context.load.cancel()
    environment.proxied.look_for_surprises()
    outcome.violations += [Violation("death", told) for told in environment.proxied.surprises]
    outcome.did, outcome.notes, outcome.memory = context.did, context.notes, context.memory
    outcome.not_happened, outcome.in_flight = context.not_happened, context.in_flight
    if not context.witnessed and not context.missed and not outcome.violations:
        outcome.violations.append(
            Violation("evidence", "this kind gives no evidence that its fault happened")
        )
    outcome.events = sum(len(lane) for lane in context.lanes)
    outcome.seconds = time.monotonic() - began
    return outcome


def _each(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The exceptions in it, however deep."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _each(error)
        else:
            yield error


async def _suffer(context: FaultContext, fault: str) -> None:
    context.begin()
    assert context.load is not None
    async with asyncio.TaskGroup() as group:
        group.create_task(_strike(context, fault))
        group.create_task(_finish(context.load))
    await context.all_sent()


async def _strike(context: FaultContext, fault: str) -> None:
    try:
        await FAULTS[fault](context)
    except* DidNotHappen as group:
        for error in _each(group):
            context.witness(False, str(error))


async def _finish(load: "asyncio.Task[None]") -> None:
    await load


async def _become_quiet(context: FaultContext) -> None:
    still = Quiescence(context.servers)
    await still.wait(APPLY_SECONDS, only_inbound=True)
    await context.senders.ask_again(context.lanes)
    await still.wait(APPLY_SECONDS)


async def judge(environment: TrialEnvironment) -> list[Violation]:
    """All invariants, over everything that was ever done on this proxied."""
    return await asyncio.to_thread(violations, await evidence_of(environment))


async def keep_evidence(environment: TrialEnvironment, file: Path) -> None:
    """For whoever looks for the cause. It may not be there to be read."""
    try:
        async with asyncio.timeout(KEEP_SECONDS):
            file.write_bytes(pickle.dumps(await evidence_of(environment)))
    except Exception as error:
        file.with_suffix(".missing").write_text(repr(error))


async def evidence_of(environment: TrialEnvironment) -> Evidence:
    """Everything that was ever done on this proxied."""
    return await gather(
        environment.servers,
        sent=environment.senders.sent.evidence(environment.servers.master_key),
        erased=environment.senders.erased,
        said=await environment.said(),
        files=[file for file in environment.proxied.log_files() if file.exists()],
        values=NAMES,
        numbers=frozenset(environment.workload.numbers),
        inbound_made_anew=environment.inbound_made_anew,
    )
