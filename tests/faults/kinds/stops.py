"""SIGSTOP for longer than every time-out, then SIGCONT: a process that does not know that its time is over."""

import signal
from typing import Final

from infra.services import NAMES
from tests.faults.ground import Ground
from tests.faults.times import STOPPED_SECONDS

SLACK_SECONDS: Final = 1.0


async def a_service_is_stopped(ground: Ground) -> None:
    """Alone: nobody takes its place, and it goes on where it was."""
    await _stop(ground, ground.draw.choice(NAMES))


async def a_server_is_stopped(ground: Ground) -> None:
    """Kafka, or Postgres with all its backends."""
    await _stop(ground, ground.draw.choice(("kafka", "postgres")))


async def one_of_two_instances_is_stopped(ground: Ground) -> None:
    """The other takes over; then there are two that believe that the work is theirs."""
    service = ground.draw.choice(("intake", "allocation", "audit"))
    await ground.bed.add(service, f"{service}-2")
    await _stop(ground, ground.draw.choice((service, f"{service}-2")))


async def _stop(ground: Ground, name: str) -> None:
    await ground.underway()
    ground.do(f"SIGSTOP {name}")
    ground.witness(ground.bed.signal(name, signal.SIGSTOP) > 0, f"{name} had no process to stop")
    try:
        await ground.pause(STOPPED_SECONDS, STOPPED_SECONDS + SLACK_SECONDS)
    finally:
        ground.bed.signal(name, signal.SIGCONT)
