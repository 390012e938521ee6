"""What a fault works on: a system under load, and the means to wait for a moment in it."""

import asyncio
import contextlib
import contextvars
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from tests.faults.memory import MemoryUse, resident_mib, watched
from tests.faults.metrics import NotAnswered, read_metric
from tests.faults.proxied_system import ProxiedSystem
from tests.faults.quiescence import Quiescence
from tests.faults.senders import PIECE_EVENTS, Senders
from tests.faults.subjects import Leaving, Step
from tests.faults.trial_environment import TrialEnvironment
from tests.invariants.reading import Servers

QUIET_SECONDS: Final = 90.0
MOMENT_SECONDS: Final = 60.0
MOMENT_STEP_SECONDS: Final = 0.01
MORE_STUDENTS: Final = 8
LOAD_SECONDS: Final = 2.0
"""How long a strike waits for a request in flight."""
SETTLE_SECONDS: Final = 3.0
"""Between the end of an attack and the last look at the memory."""


STRIKER: Final[contextvars.ContextVar[str]] = contextvars.ContextVar("striker", default="")
"""Which of several faults at once is at work."""


class Expected(Exception):
    """Something that a fault must lead to did not happen; the message says what."""


class DidNotHappen(Exception):
    """The fault itself could not be made; the message says why."""


@dataclass
class FaultContext:
    """One trial. `draw` is its own; everything that a fault chooses comes from it."""

    environment: TrialEnvironment
    draw: random.Random
    lanes: list[list[Step]]
    leaving: list[Leaving] = field(default_factory=list)
    load: "asyncio.Task[None] | None" = None
    notes: list[str] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    began_at: dict[str, float] = field(default_factory=dict)
    """The loop's time at which each striker did something first."""
    missed: list[str] = field(default_factory=list)
    """Why a fault did not happen, of each that did not."""
    witnessed: int = 0
    """Faults of which there is evidence that they happened."""
    in_flight: list[int] = field(default_factory=list)
    """Requests of upstream that were unanswered at each strike."""
    memory: list[MemoryUse] = field(default_factory=list)
    """Of each process that was attacked."""
    meant_idle: bool = False
    """The fault strikes a system without load on purpose."""
    together: asyncio.Barrier | None = None
    """Where several faults at once wait for each other before they strike first."""
    _met: set[str] = field(default_factory=set)
    _more_load: "asyncio.Task[None] | None" = None
    _pieces_before: int = 0
    _printed_before: dict[str, int] = field(default_factory=dict)

    @property
    def proxied(self) -> ProxiedSystem:
        """The system."""
        return self.environment.proxied

    @property
    def senders(self) -> Senders:
        """Upstream."""
        return self.environment.senders

    @property
    def servers(self) -> Servers:
        """Where raw tables and topics are."""
        return self.environment.servers

    def begin(self) -> None:
        """The load is on its way from now on."""
        self._pieces_before = self.senders.pieces_done
        self._printed_before = {
            name: part.log.stat().st_size
            for name, part in self.proxied.instances.items()
            if part.log.exists()
        }
        self.load = asyncio.create_task(self._send())

    async def _send(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.senders.send(self.lanes))
            group.create_task(self.senders.erase(self.leaving))

    @property
    def pieces(self) -> int:
        """Into how many pieces the load is cut."""
        return sum(-(-len(lane) // PIECE_EVENTS) for lane in self.lanes)

    async def underway(self, latest: float = 0.6) -> None:
        """Returns at a random moment of the load, before so much of it was sent."""
        wanted = self.draw.uniform(0.05, latest) * self.pieces
        moment = self.draw.uniform(0.0, 0.3)
        assert self.load is not None
        async with asyncio.timeout(MOMENT_SECONDS):
            while self.senders.pieces_done - self._pieces_before < wanted and not self.load.done():  # noqa: ASYNC110
                await asyncio.sleep(MOMENT_STEP_SECONDS)
        await asyncio.sleep(moment)
        if self.together is not None and STRIKER.get() not in self._met:
            self._met.add(STRIKER.get())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MOMENT_SECONDS):
                    await self.together.wait()
        await self.in_use()

    async def in_use(self) -> None:
        """Returns with a request in flight, which it records; after `LOAD_SECONDS`, or once all is sent, without one."""
        if self.load is not None and not self._sends:  # the trial's load ended while the fault was prepared
            self._more_load = asyncio.create_task(self.more(MORE_STUDENTS * 4))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOAD_SECONDS):
                while not self.senders.in_flight and self._sends:  # noqa: ASYNC110
                    await asyncio.sleep(MOMENT_STEP_SECONDS)
        self.in_flight.append(self.senders.in_flight)

    async def all_sent(self) -> None:
        """Returns when what was sent for a late strike is answered."""
        if self._more_load is not None:
            await self._more_load

    def witness(self, happened: bool, otherwise: str) -> None:
        """Evidence that a fault happened; if it did not, the trial is not counted, and `otherwise` is the reason."""
        if happened:
            self.witnessed += 1
        else:
            self.missed.append(otherwise)

    @property
    def not_happened(self) -> list[str]:
        """Why this trial proves nothing; empty if it does. A kind without a witness is believed."""
        idle = self.in_flight.count(0)
        if self.meant_idle or (self.in_flight and not idle):
            return self.missed
        strikes = f"{idle} of {len(self.in_flight)} strikes" if idle else "the strike"
        return [*self.missed, f"no request was in flight at {strikes}"]

    async def idle(self) -> None:
        """Returns when the load was sent and nothing is on its way any more."""
        assert self.load is not None
        self.meant_idle = True
        await self.load
        await self.quiet()

    async def quiet(self) -> None:
        """Returns when nothing is on its way. Raises `NotQuiescent`."""
        await Quiescence(self.servers).wait(QUIET_SECONDS)

    async def more(self, students: int) -> None:
        """Some more load, of people who are new, and all of it sent; it belongs to the trial."""
        lanes = self.environment.workload.trial(self.draw, students, only_new=True)
        self.lanes += lanes
        await self.senders.send(lanes)

    @contextlib.asynccontextmanager
    async def under_load(self) -> AsyncIterator[None]:
        """Sends new people until the block ends: for a fault that takes longer than the load of its trial."""
        ending = asyncio.Event()

        async def send() -> None:
            while not ending.is_set():
                await self.more(MORE_STUDENTS)

        async with asyncio.TaskGroup() as group:
            self._more_load = group.create_task(send())
            try:
                yield
            finally:
                ending.set()

    @contextlib.asynccontextmanager
    async def attacked(self, instances: Sequence[str], bound: int) -> AsyncIterator[None]:
        """Records the memory of these instances; the block is the attack. Raises `Expected` if one grew by more MiB."""
        pids = {
            name: child.pid for name in instances if (child := self.proxied.instances[name].child) is not None
        }
        async with contextlib.AsyncExitStack() as watches:
            uses = [
                await watches.enter_async_context(watched(name, pid, bound)) for name, pid in pids.items()
            ]
            try:
                yield
            except Exception:
                self.notes += [
                    f"memory of {use.process} until the attack failed: {use.before:.0f} MiB, then up to {use.peak:.0f}"
                    for use in uses
                ]
                raise
        await asyncio.sleep(SETTLE_SECONDS)
        for use in uses:
            use.after = resident_mib(pids[use.process])
            self.notes.append(f"memory of {use}")
        self.memory += uses
        if grown := [str(use) for use in uses if not use.is_within]:
            raise Expected(f"more memory than allowed: {'; '.join(grown)}")

    @property
    def _sends(self) -> bool:
        return any(task is not None and not task.done() for task in (self.load, self._more_load))

    async def a_new_mentor(self) -> int:
        """Registers one, and returns the partition of its fact."""
        step = self.environment.workload.new_mentor(self.draw)
        self.lanes.append([step])
        self.senders.keep([step])
        [result] = await self.senders.post(str(step.event["source"]), [step.event])
        [place] = result["facts"]
        return int(place["partition"])

    async def pause(self, least: float, most: float) -> None:
        """A random time."""
        await asyncio.sleep(self.draw.uniform(least, most))

    def do(self, what: str) -> None:
        """Keeps what was done, for the report, and when: the first time of each of several faults at once."""
        self.did.append(what)
        self.began_at.setdefault(STRIKER.get(), asyncio.get_running_loop().time())

    async def metric(self, name: str, instance: str) -> float:
        """A metric's sum over all of its labels. Raises `Expected` when the instance does not answer in time."""
        try:
            return await read_metric(
                self.proxied.instances[instance].url, self.proxied.token("metrics"), name
            )
        except NotAnswered as error:
            raise Expected(f"{instance} did not answer with its metrics: {error}") from error

    async def ready(self, instance: str) -> bool:
        """What `/readyz` says; an instance that does not answer is not ready."""
        try:
            async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
                answer = await client.get(f"{self.proxied.instances[instance].url}/readyz")
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def alarms(self, instance: str, event: str) -> list[dict[str, object]]:
        """The lines with that event that an instance has logged in this trial."""
        printed = self.proxied.instances[instance].log.read_bytes()[self._printed_before.get(instance, 0) :]
        found = [
            json.loads(line)
            for line in printed.splitlines()
            if f'"{event}"'.encode() in line and line.startswith(b"{") and line.endswith(b"}")
        ]
        return [told for told in found if isinstance(told, dict)]
