"""What a system does when one of its parts dies: the demo's ends at once, the one that stays up gives up by name."""

import asyncio
from pathlib import Path

import pytest

from infra.local.errors import PartFailedError
from infra.local.home import Home
from infra.local.managed_process import ManagedProcess
from infra.local.ports import SystemPorts
from infra.local.restarts import RestartPolicy
from infra.local.system import System
from shared.runtime.backoff import Backoff


class FakeProcess(ManagedProcess):
    """Runs until it is told to be dead."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.dead = False

    async def start(self) -> None:
        raise PartFailedError(self.name, "did not start again")

    @property
    def running(self) -> bool:
        return not self.dead

    async def stop(self) -> None:
        self.dead = True


class FakeSystem(System):
    """A system of fake parts that are up already."""

    fakes = ("postgres", "kafka", "intake")

    @property
    def parts(self) -> dict[str, ManagedProcess]:
        if not hasattr(self, "_fakes"):
            self._fakes = {name: FakeProcess(name) for name in self.fakes}
        return dict(self._fakes)

    async def start(self, *, services: bool = True) -> None:
        """They run."""

    async def stop(self) -> None:
        for part in self.parts.values():
            await part.stop()

    def die(self, name: str) -> None:
        assert self.parts
        self._fakes[name].dead = True


async def use_until_it_ends(system: FakeSystem, dying: str) -> None:
    """Uses a system, for ever, in which a part dies."""
    async with system:
        system.die(dying)
        await asyncio.Event().wait()


async def test_in_the_demo_the_first_crash_ends_the_run(tmp_path: Path) -> None:
    system = FakeSystem(Home(tmp_path), tmp_path, SystemPorts.free())
    with pytest.raises(PartFailedError, match=r"kafka: ended unexpectedly"):
        await use_until_it_ends(system, "kafka")
    assert not any(part.running for part in system.parts.values())
    assert system.stages["kafka"] == "failed"


async def test_one_that_stays_up_ends_with_the_name_of_the_part_that_was_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = RestartPolicy(backoff=Backoff(first=0.0, longest=0.0))
    monkeypatch.setattr("infra.local.system.RestartPolicy", lambda: policy)
    system = FakeSystem(Home(tmp_path), tmp_path, SystemPorts.free(), on_crash="restart")
    given_up = "intake: did not start again; given up after 5 restarts in a row"
    with pytest.raises(PartFailedError, match=given_up):
        await use_until_it_ends(system, "intake")
    assert not any(part.running for part in system.parts.values())
