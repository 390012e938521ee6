"""SIGSTOP for longer than every time-out, then SIGCONT: a process that does not know that its time is over."""

import signal
from typing import Final

from infra.services import NAMES
from tests.faults.fault_context import FaultContext
from tests.faults.times import STOPPED_SECONDS

SLACK_SECONDS: Final = 1.0


async def a_service_is_stopped(context: FaultContext) -> None:
    """Alone: nobody takes its place, and it goes on where it was."""
    await _stop(context, context.draw.choice(NAMES))


async def a_server_is_stopped(context: FaultContext) -> None:
    """Kafka, or Postgres with all its backends."""
    await _stop(context, context.draw.choice(("kafka", "postgres")))


async def one_of_two_instances_is_stopped(context: FaultContext) -> None:
    """The other takes over; then there are two that believe that the work is theirs."""
    service = context.draw.choice(("intake", "allocation", "audit"))
    await context.proxied.add(service, f"{service}-2")
    await _stop(context, context.draw.choice((service, f"{service}-2")))


async def _stop(context: FaultContext, name: str) -> None:
    await context.underway()
    context.do(f"SIGSTOP {name}")
    context.witness(context.proxied.signal(name, signal.SIGSTOP) > 0, f"{name} had no process to stop")
    try:
        await context.pause(STOPPED_SECONDS, STOPPED_SECONDS + SLACK_SECONDS)
    finally:
        context.proxied.signal(name, signal.SIGCONT)
