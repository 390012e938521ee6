"""Named points of the services: functions of production, wrapped in the victim's process alone.

A victim that is armed with (point, n) sends itself SIGKILL at the n-th passage of the point.
"""

import functools
import importlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.services import LOGS, NAMES


@dataclass(frozen=True)
class Point:
    """`before` or `after` an awaited function; `place` is `module:function` or `module:Class.method`."""

    name: str
    when: str
    place: str
    services: tuple[str, ...]


POINTS: Final = (
    Point("before the commit", "before", "asyncpg.transaction:Transaction._Transaction__commit", NAMES),
    Point("after the commit, before the acknowledgement", "after", "asyncpg.transaction:Transaction._Transaction__commit", NAMES),
    Point("in the middle of a batch, positions moved", "after", "shared.inbox.positions:move_positions", ("allocation", "audit")),
    Point("in the middle of a batch, offsets moved", "after", "services.intake.append.inbound:move_inbound", ("intake",)),
    Point("in the middle of a batch, events appended", "after", "shared.append.log:Log.append", LOGS),
    Point("in the middle of a batch, ledger written", "after", "services.audit.project.ledger:keep", ("audit",)),
    Point("before the publish", "before", "shared.relay.producer:BatchProducer.send", LOGS),
    Point("after the publish, before the next", "after", "shared.relay.producer:BatchProducer.send", LOGS),
    Point("sent, not acknowledged", "after", "aiokafka:AIOKafkaProducer.send_batch", LOGS),
    Point("keys published, facts not", "after", "services.intake.relay.keys:KeyRecords.publish", ("intake",)),
    Point("after a heartbeat of leadership", "after", "shared.relay.leadership:Leadership._beat", LOGS),
    Point("after the published position was kept", "after", "shared.relay.leadership:Leadership.execute", LOGS),
    Point("before the offset hint", "before", "shared.inbox.assigned_partitions:AssignedPartitions.commit_hints", NAMES),
    Point("after the offset hint", "after", "shared.inbox.assigned_partitions:AssignedPartitions.commit_hints", NAMES),
)  # fmt: skip


def points_of(service: str) -> list[Point]:
    """Those that a service passes."""
    return [point for point in POINTS if service in point.services]


class Trap:
    """Armed at run time: SIGUSR1 makes the process read `control`, which holds `<n> <point>`."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._point = ""
        self._left = 0

    def listen(self) -> None:
        """From now on the signal arms it."""
        signal.signal(signal.SIGUSR1, lambda *_: self._arm())

    def _arm(self) -> None:
        count, _, self._point = self._control.read_text().partition(" ")
        self._left = int(count)

    def passing(self, point: str) -> None:
        """Does not return at the n-th passage."""
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def install(service: str, trap: Trap) -> None:
    """Wraps every function that a service's points name, wherever it was imported to."""
    importlib.import_module(f"services.{service}.app")
    for place in dict.fromkeys(point.place for point in points_of(service)):
        here = [point for point in points_of(service) if point.place == place]
        module_name, _, path = place.partition(":")
        module = importlib.import_module(module_name)
        owner_name, _, name = path.rpartition(".")
        if owner_name:
            owner = getattr(module, owner_name)
            setattr(owner, name, _wrapped(getattr(owner, name), here, trap))
        else:
            original = getattr(module, name)
            _replace_everywhere(original, _wrapped(original, here, trap))


def _wrapped(
    original: Callable[..., Awaitable[Any]], points: list[Point], trap: Trap
) -> Callable[..., Awaitable[Any]]:
    before = [point.name for point in points if point.when == "before"]
    after = [point.name for point in points if point.when == "after"]

    @functools.wraps(original)
    async def passing(*arguments: Any, **named: Any) -> Any:
        for point in before:
            trap.passing(point)
        result = await original(*arguments, **named)
        for point in after:
            trap.passing(point)
        return result

    return passing


def _replace_everywhere(original: object, wrapped: object) -> None:
    for module in list(sys.modules.values()):
        for name, found in list(vars(module).items()):
            if found is original:
                setattr(module, name, wrapped)
