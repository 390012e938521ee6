"""Some short trials, each of another kind, on one system. The long run of the same is `make faults`."""

from collections.abc import Sequence
from typing import Final

import pytest

from tests.faults.run import Run, run_trials

KINDS: Final = (
    "a service is killed at a named point",
    "the relays leader is killed",
    "a link is cut in the middle of a message",
    "backends are terminated",
    "poison comes from upstream",
)
MORE_KINDS: Final = (
    "a busy topic is made anew",
    "a fact of the next release waits for it",
)
SEED: Final = 20
STUDENTS: Final = 40


@pytest.mark.parametrize(
    "kinds", [KINDS, pytest.param(MORE_KINDS, marks=pytest.mark.long)], ids=["some", "more"]
)
async def test_after_each_of_these_faults_all_invariants_hold(kinds: Sequence[str]) -> None:
    run = Run(SEED, first=0, trials=len(kinds), students=STUDENTS, kinds=kinds)
    await run_trials(run)
    assert [outcome.fault for outcome in run.outcomes] == list(kinds)
    assert not run.not_happened, "\n".join(f"{outcome.line()}" for outcome in run.not_happened)
    assert not run.failures, "\n".join(f"{outcome.line()}" for outcome in run.failures)
