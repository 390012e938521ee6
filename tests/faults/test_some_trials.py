"""Seven short trials, each of another kind, on one system. The long run of the same is `make faults`."""

from typing import Final

from tests.faults.run import Run, run_trials

KINDS: Final = (
    "a service is killed at a named point",
    "the relays leader is killed",
    "a link is cut in the middle of a message",
    "backends are terminated",
    "poison comes from upstream",
    "a busy topic is made anew",
    "a fact of the next release waits for it",
)
SEED: Final = 20
STUDENTS: Final = 40


async def test_after_each_of_these_faults_all_invariants_hold() -> None:
    run = Run(SEED, first=0, trials=len(KINDS), students=STUDENTS, kinds=KINDS)
    await run_trials(run)
    assert [outcome.fault for outcome in run.outcomes] == list(KINDS)
    assert not run.not_happened, "\n".join(f"{outcome.line()}" for outcome in run.not_happened)
    assert not run.failures, "\n".join(f"{outcome.line()}" for outcome in run.failures)
