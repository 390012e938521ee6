"""`make way`: the files and functions that one student enters, in order, in each service and in the relay.

The services are composed by their own `app.py` on the simulation's database and broker, so that nothing else runs at the
same time; a mentor and a student were allocated before. Intake is followed from `Receiver.from_http`, allocation and
audit from the poll that brought the record, each to its commit; the relay from the hand-over of the fact to its
acknowledgement. Only the product's files are counted, and of them not telemetry, whose functions are listed all the same.
"""

import asyncio
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

from infra.services import NAMES
from tests.simulation.installation import Installation, Shape
from tests.simulation.loop import SimulatedLoop
from tests.simulation.people import Cohort
from tests.simulation.processes import PROCESS
from tests.simulation.run import seeded, silenced
from tests.simulation.upstream import Message, Upstream

ROOT: Final = Path(__file__).parents[1]
PRODUCT: Final = (f"{ROOT}/services/", f"{ROOT}/shared/")
TELEMETRY: Final = ("shared/telemetry/", "spans.py", "metrics.py")
STARTED_SECONDS: Final = 20.0
SETTLED_SECONDS: Final = 5.0
SEED: Final = 1

REQUEST: Final = "_Way.ask"
TASKS: Final = {
    "intake": (REQUEST, "Writer._settle"),
    "allocation": ("Subscription._poll",),
    "audit": ("Subscription._poll",),
    "relay": ("PartitionRelay.run",),
}
"""By part, the tasks of its service in which the student travels; the relay's are intake's."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function that was entered."""

    service: str
    task: str
    file: str
    function: str

    @property
    def is_counted(self) -> bool:
        """Whether its file counts."""
        return not self.file.startswith(TELEMETRY[0]) and not self.file.endswith(TELEMETRY[1:])


@dataclass
class _Way:
    """Notes calls while it is followed. A commit ends what its task notes."""

    loop: SimulatedLoop
    calls: list[Call] = field(default_factory=list)
    committed: set[tuple[str, str]] = field(default_factory=set)

    async def ask(self, instance: Any, message: Message) -> Any:
        """As the HTTP route does it, followed from here on."""
        receiver, writer = instance.parts.receiver, instance.parts.writer
        sys.setprofile(self._note)
        [answer] = await writer.submit([receiver.from_http(message.value, message.tenant, None)])
        return answer

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        task, process = asyncio.current_task(self.loop), PROCESS.get(None)
        if task is None or process is None:
            return
        file, at = frame.f_code.co_filename, frame.f_code.co_qualname
        here = process.name.split("-")[0], getattr(task.get_coro(), "__qualname__", "")
        if file.endswith("asyncpg/transaction.py") and at.endswith("__commit"):
            self.committed.add(here)
        if here not in self.committed and file.startswith(PRODUCT):
            self.calls.append(Call(*here, file.removeprefix(f"{ROOT}/"), at))


async def _follow(loop: SimulatedLoop) -> list[Call]:
    installation = Installation(loop, Shape(2, dict.fromkeys(NAMES, 1), 10, 1, 0.05, 6.0), SEED)
    for service in NAMES:
        installation.launch(service)
    upstream = Upstream(installation, random.Random(SEED))
    await asyncio.sleep(STARTED_SECONDS)
    [lane] = Cohort(random.Random("c")).lanes(10, lanes=1)
    students = [one for one in lane if one.document["type"] == "rahnama.student.registered.v1"]
    mentor = next(one for one in lane if "mentor" in one.document["type"])
    _fit(mentor.document["data"], students[1].document["data"])
    for message in [mentor, students[0]]:
        await upstream.request(installation.alive("intake")[0], [message])
        await asyncio.sleep(SETTLED_SECONDS)
    way = _Way(loop)
    intake = installation.alive("intake")[0]
    try:
        answer = await intake.ask(way.ask(intake, students[1]))
        await asyncio.sleep(SETTLED_SECONDS)
    finally:
        sys.setprofile(None)
    if answer.status != "accepted":
        raise RuntimeError(f"the student was not accepted: {answer.status}")
    return way.calls


def _fit(mentor: dict[str, Any], student: dict[str, Any]) -> None:
    """Makes the mentor one whom the student can have."""
    student["school_code"] = None
    mentor |= {
        "type": "normal",
        "gender": student["gender"],
        "capacity": 10,
        "active": True,
        "manager_id": None,
    }
    mentor |= {"groups": [student["group_code"]], "centers": [student["reg_center"]]}


def follow() -> list[Call]:
    """The calls of one student's way, in order."""
    loop = SimulatedLoop(random.Random(SEED), shuffle=0.0)
    with silenced(), seeded(SEED):
        try:
            calls: list[Call] = loop.run_until_complete(_follow(loop))
        finally:
            loop.bury()
    return calls


def part(calls: Sequence[Call], name: str) -> Iterator[Call]:
    """The calls of one part: intake, allocation, audit or relay."""
    service = "intake" if name == "relay" else name
    return (call for call in calls if call.service == service and call.task in TASKS[name])


def counts(calls: Sequence[Call]) -> dict[str, dict[str, int]]:
    """By part, how many files of the service and of shared are entered."""
    found = {}
    for name in TASKS:
        files = {call.file for call in part(calls, name) if call.is_counted}
        own = {file for file in files if file.startswith("services/")}
        found[name] = {"service": len(own), "shared": len(files - own)}
    return found


def main() -> None:
    """Prints the way, and as the last line the counts as JSON."""
    calls = follow()
    for name in TASKS:
        print(f"\n{name}")
        functions: dict[str, dict[str, None]] = {}
        for call in part(calls, name):
            functions.setdefault(call.file, {})[call.function.rpartition("<locals>.")[2]] = None
        for file, names in functions.items():
            print(f"  {file}: {', '.join(names)}")
    found = counts(calls)
    print(json.dumps({name: sum(count.values()) for name, count in found.items()} | {"files": found}))


if __name__ == "__main__":
    main()
