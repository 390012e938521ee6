"""A dead part is started again at most five times in a row; being well for a minute wipes the slate."""

import pytest

from infra.local.errors import PartFailedError
from infra.local.managed_process import ManagedProcess
from infra.local.restarts import RestartPolicy, keep_running


class FakeProcess(ManagedProcess):
    """Lives so many seconds after each start, by a clock that only sleeping moves."""

    def __init__(self, *lifetimes: float) -> None:
        super().__init__("fake")
        self.now = 0.0
        self.starts = 0
        self._lifetimes = list(lifetimes)
        self._dies_at = self._lifetimes.pop(0)

    @property
    def running(self) -> bool:
        return self.now < self._dies_at

    async def start(self) -> None:
        self.starts += 1
        if not self._lifetimes:
            raise self.failed("was not ready")
        self._dies_at = self.now + self._lifetimes.pop(0)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def watched(part: FakeProcess) -> tuple[PartFailedError, list[str]]:
    """Run until the policy gives up; also the stages that were shown."""
    stages: list[str] = []
    with pytest.raises(PartFailedError) as caught:
        await keep_running(
            part,
            RestartPolicy(),
            lambda name, stage: stages.append(stage),
            clock=part.clock,
            sleep=part.sleep,
        )
    return caught.value, stages


async def test_a_part_that_keeps_dying_is_given_up_after_five_restarts_by_its_name() -> None:
    part = FakeProcess(1, 1, 1, 1, 1, 1)
    error, stages = await watched(part)
    assert part.starts == 5
    assert error.part == "fake"
    assert "given up after 5 restarts in a row" in str(error)
    assert stages[:2] == ["restarting (1 of 5)", "ready"]


async def test_a_start_that_fails_counts_like_a_death() -> None:
    part = FakeProcess(1, 1)
    error, stages = await watched(part)
    assert part.starts == 5
    assert "was not ready" in str(error)
    assert stages.count("ready") == 1


async def test_a_minute_of_health_begins_the_count_anew() -> None:
    part = FakeProcess(1, 1, 1, 1, 61, 1, 1, 1, 1, 1)
    await watched(part)
    assert part.starts == 4 + 5


def test_the_backoff_doubles_up_to_a_bound_and_ends() -> None:
    policy = RestartPolicy()
    assert [policy.backoff_seconds_after(0) for _ in range(6)] == [0.25, 0.5, 1.0, 2.0, 4.0, None]


async def test_each_end_is_reported_with_its_reason() -> None:
    part = FakeProcess(1, 1)
    ends: list[tuple[str, str]] = []
    with pytest.raises(PartFailedError):
        await keep_running(
            part,
            RestartPolicy(),
            lambda name, stage: None,
            lambda name, reason: ends.append((name, reason)),
            part.clock,
            part.sleep,
        )
    assert ends == [("fake", "ended"), ("fake", "ended"), *[("fake", "was not ready")] * 4]
