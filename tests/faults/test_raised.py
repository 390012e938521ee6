"""What a fault raises is reported as what it is, although task groups wrap it."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults import trial
from tests.faults.fault_context import DidNotHappen, Expected, FaultContext
from tests.faults.kinds import every
from tests.faults.quiescence import NotQuiescent
from tests.faults.trial import Outcome, run_trial
from tests.faults.trial_environment import TrialEnvironment


async def nothing(*_: object) -> None:
    pass


def environment() -> TrialEnvironment:
    """Without servers and load."""
    made: Any = SimpleNamespace(
        proxied=SimpleNamespace(heal=nothing, look_for_surprises=lambda: None, surprises=[], instances={}),
        workload=SimpleNamespace(trial=lambda *_: [], leaving=lambda *_: []),
        senders=SimpleNamespace(send=nothing, erase=nothing, pieces_done=0),
    )
    return cast(TrialEnvironment, made)


async def outcome_of(monkeypatch: pytest.MonkeyPatch, *errors: Exception, deep: bool) -> Outcome:
    """Of a fault that raises the errors, in a task group of its own if `deep`."""

    async def fail(error: Exception, others: asyncio.Barrier) -> None:
        await others.wait()
        raise error

    async def fault(context: FaultContext) -> None:
        context.in_flight.append(1)
        if not errors:
            return
        if not deep:
            raise errors[0]
        others = asyncio.Barrier(len(errors))
        async with asyncio.TaskGroup() as group:
            for error in errors:
                group.create_task(fail(error, others))

    async def judge(_: TrialEnvironment) -> list[Any]:
        return []

    monkeypatch.setitem(cast(dict[str, Any], every.FAULTS), "a planted fault", fault)
    monkeypatch.setattr(trial, "_become_quiet", nothing)
    monkeypatch.setattr(trial, "judge", judge)
    return await run_trial(environment(), 7, 0, "a planted fault", 1)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("error", "invariant", "finding"),
    [
        (Expected("no alarm"), "expected", "no alarm"),
        (NotQuiescent("3 records wait"), "quiet", "3 records wait"),
        (KeyError("odd"), "trial", "KeyError: 'odd'"),
    ],
)
async def test_what_a_fault_raises_is_a_violation_of_its_kind(
    monkeypatch: pytest.MonkeyPatch, deep: bool, error: Exception, invariant: str, finding: str
) -> None:
    outcome = await outcome_of(monkeypatch, error, deep=deep)
    assert [(found.invariant, found.finding) for found in outcome.violations] == [(invariant, finding)]


@pytest.mark.parametrize("deep", [False, True])
async def test_a_fault_that_did_not_happen_is_no_violation(
    monkeypatch: pytest.MonkeyPatch, deep: bool
) -> None:
    outcome = await outcome_of(monkeypatch, DidNotHappen("no mount"), deep=deep)
    assert outcome.violations == []
    assert outcome.not_happened == ["no mount"]


async def test_of_several_at_once_each_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = await outcome_of(
        monkeypatch, Expected("no alarm"), DidNotHappen("no mount"), KeyError("odd"), deep=True
    )
    found = {(found.invariant, found.finding) for found in outcome.violations}
    assert found == {("expected", "no alarm"), ("trial", "KeyError: 'odd'")}
    assert outcome.not_happened == ["no mount"]


async def test_a_kind_without_evidence_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await outcome_of(monkeypatch, deep=False)
    assert [violation.invariant for violation in found.violations] == ["evidence"]
