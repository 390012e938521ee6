"""A fault counts only if it happened, under load; what did not is attempted again, and then counted by itself."""

import asyncio
import random
import sys
from typing import Any, cast

import pytest

from tests.faults import __main__ as command
from tests.faults import run as running
from tests.faults.fault_context import FaultContext
from tests.faults.kinds import pairs
from tests.faults.run import ATTEMPTS, Run, attempt_trial, report
from tests.faults.tables import write_report
from tests.faults.trial import Outcome, draw_of
from tests.faults.trial_environment import TrialEnvironment
from tests.invariants.every import Violation

NOWHERE = cast(TrialEnvironment, None)
MISSED = "audit did not pass 'before the commit' 3 times"


def context(*in_flight: int, idle: bool = False) -> FaultContext:
    made = FaultContext(NOWHERE, random.Random(1), [])
    made.in_flight += in_flight
    made.meant_idle = idle
    return made


def test_a_fault_that_was_witnessed_under_load_counts() -> None:
    struck = context(1, 3)
    struck.witness(True, "never")
    assert struck.not_happened == []


def test_a_fault_of_which_one_part_did_not_happen_does_not_count() -> None:
    struck = context(3)
    struck.witness(True, "never")
    struck.witness(False, MISSED)
    assert struck.not_happened == [MISSED]


@pytest.mark.parametrize(
    ("in_flight", "strikes"), [((), "the strike"), ((0,), "1 of 1 strikes"), ((0, 3), "1 of 2 strikes")]
)
def test_a_strike_without_a_request_in_flight_does_not_count(
    in_flight: tuple[int, ...], strikes: str
) -> None:
    struck = context(*in_flight)
    struck.witness(True, "never")
    assert struck.not_happened == [f"no request was in flight at {strikes}"]


@pytest.mark.parametrize(("gap", "happened"), [(0.0, True), (1.0, False)])
async def test_two_faults_count_only_if_one_begins_before_the_other_is_over(
    gap: float, happened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(made: FaultContext) -> None:
        made.do("the first")
        await asyncio.sleep(0.1)

    async def later(made: FaultContext) -> None:
        await asyncio.sleep(gap)
        made.do("the second")
        await asyncio.sleep(0.1)

    monkeypatch.setattr(pairs, "SIMPLE", (at_once, later))
    struck = context(1)
    await pairs.two_faults_happen_at_once(struck)
    assert struck.not_happened == ([] if happened else ["one fault was over before the other began"])


@pytest.mark.parametrize("missed", [0, 1, 2])
def test_a_run_in_which_nothing_happened_fails(missed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"did_not_happen": [{}] * missed, "trials": 2, "failures": [], "interrupted": False}
    monkeypatch.setattr(command, "run", lambda asked: made)
    monkeypatch.setattr(sys, "argv", ["faults", "--trials", "2"])
    assert command.main() == (1 if missed == 2 else 0)


def test_a_system_that_is_idle_on_purpose_needs_no_request_in_flight() -> None:
    struck = context(idle=True)
    struck.witness(True, "never")
    assert struck.not_happened == []


def trials(monkeypatch: pytest.MonkeyPatch, *outcomes: dict[str, Any]) -> list[int]:
    """Each attempt has the next outcome; returns the list to which their numbers are added."""
    attempts: list[int] = []

    async def run_trial(
        _: TrialEnvironment, seed: int, trial: int, fault: str, __: int, attempt: int
    ) -> Outcome:
        attempts.append(attempt)
        return Outcome(seed, trial, fault, attempt=attempt, **outcomes[len(attempts) - 1])

    monkeypatch.setattr(running, "run_trial", run_trial)
    return attempts


async def test_a_fault_that_did_not_happen_is_attempted_again_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = trials(monkeypatch, {"not_happened": [MISSED]}, {"notes": ["as it should"]})
    outcome = await attempt_trial(NOWHERE, Run(7, 0, 1), 0, "a link is cut")
    assert attempts == [1, 2]
    assert outcome.not_happened == []
    assert outcome.notes == [f"attempt 1 did not happen: {MISSED}", "as it should"]


async def test_a_fault_that_never_happens_is_given_up_after_a_few_attempts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = trials(monkeypatch, *[{"not_happened": [MISSED]}] * ATTEMPTS)
    outcome = await attempt_trial(NOWHERE, Run(7, 0, 1), 0, "a link is cut")
    assert attempts == list(range(1, ATTEMPTS + 1))
    assert outcome.not_happened == [MISSED]


async def test_a_violation_is_never_attempted_away(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Violation("I1", "two mentors")]
    attempts = trials(monkeypatch, {"not_happened": [MISSED], "violations": found})
    outcome = await attempt_trial(NOWHERE, Run(7, 0, 1), 0, "a link is cut")
    assert attempts == [1]
    assert outcome.violations == found


def test_another_attempt_makes_other_choices_and_the_first_those_of_the_trial() -> None:
    first, again, second = draw_of(7, 3).random(), draw_of(7, 3, 1).random(), draw_of(7, 3, 2).random()
    assert first == again != second


def test_the_report_counts_what_did_not_happen_by_itself_and_keeps_the_notes(tmp_path: Any) -> None:
    run = Run(7, 0, 4)
    run.outcomes = [
        Outcome(7, 0, "a link is cut", in_flight=[2, 5]),
        Outcome(7, 1, "a link is cut", in_flight=[1], notes=["attempt 1 did not happen: idle"], attempt=2),
        Outcome(7, 2, "a link is cut", in_flight=[4], not_happened=[MISSED], attempt=ATTEMPTS),
        Outcome(7, 3, "kafka is killed", in_flight=[9], violations=[Violation("I1", "two mentors")]),
    ]
    made = {**report(run), "interrupted": False}
    assert made["by_fault"]["a link is cut"] == {"trials": 3, "did_not_happen": 1, "failed": 0}
    assert made["by_fault"]["kafka is killed"] == {"trials": 1, "did_not_happen": 0, "failed": 1}
    assert [line["trial"] for line in made["did_not_happen"]] == [2]
    assert [line["trial"] for line in made["noted"]] == [1]
    assert made["in_flight"] == {"0": [2, 5], "1": [1], "2": [4], "3": [9]}
    page = write_report(made, tmp_path)[1].read_text()
    assert "| fault | trials | did not happen | with a violation |" in page
    assert "| a link is cut | 3 | 1 | 0 |" in page
    assert f"- trial 2 (a link is cut, attempt {ATTEMPTS}): {MISSED}" in page
    assert "- trial 1 (a link is cut, attempt 2): attempt 1 did not happen: idle" in page
