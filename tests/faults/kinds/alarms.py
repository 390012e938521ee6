"""Alarms that a fault must lead to: of the relay about its topic, and of consumers about a partition."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from tests.deadlines import until
from tests.faults.fault_context import Expected, FaultContext

ALARM_SECONDS: Final = 45.0
READERS: Final = {"intake": ("allocation", "audit"), "allocation": ("audit",)}


async def require(
    attempt: Callable[[], Awaitable[bool]], otherwise: str, *, pause_seconds: float = 0.2
) -> None:
    """Asks until the answer is true. Raises `Expected` with `otherwise` after `ALARM_SECONDS`."""
    try:
        await until(attempt, ALARM_SECONDS, otherwise, pause_seconds=pause_seconds)
    except AssertionError:
        raise Expected(otherwise) from None


async def require_foreign_record(context: FaultContext, source: str, partition: int) -> None:
    """The relay's log names the partition, its gauge counts it, and the service is not ready."""

    async def attempt() -> bool:
        told = context.alarms(source, "foreign_record")
        return (
            any((line["source"], line["partition"]) == (source, partition) for line in told)
            and await context.metric("rahnama_relay_foreign_partitions", source) >= 1
            and not await context.ready(source)
        )

    began = time.monotonic()
    otherwise = f"the relay of {source} gave no alarm for partition {partition} within {ALARM_SECONDS:.0f} s"
    await require(attempt, otherwise, pause_seconds=0.05)
    context.notes.append(f"the relay of {source} gave its alarm after {time.monotonic() - began:.1f} s")


async def require_held(
    context: FaultContext, reader: str, source: str, partition: int, code: str | None = None
) -> None:
    """An error in the log that names the partition; and the gauge that alerts are made of."""

    async def attempt() -> bool:
        named = any(
            (told["source"], told["partition"]) == (source, partition) and code in (None, told["code"])
            for told in context.alarms(reader, "partition_held")
        )
        return named and await context.metric("rahnama_inbox_held", reader) >= 1

    await require(
        attempt, f"{reader} gave no alarm for partition {partition} of {source} within {ALARM_SECONDS:.0f} s"
    )
