"""Alarms that a fault must lead to: of the relay about its topic, and of consumers about a partition."""

import time
from typing import Final

from tests.e2e.waiting import within
from tests.faults.ground import Expected, Ground

ALARM_SECONDS: Final = 45.0
READERS: Final = {"intake": ("allocation", "audit"), "allocation": ("audit",)}


async def require_foreign_record(ground: Ground, source: str, partition: int) -> None:
    """The relay's log names the partition, its gauge counts it, and the service is not ready."""

    async def attempt() -> bool:
        told = ground.alarms(source, "foreign_record")
        return (
            any((line["source"], line["partition"]) == (source, partition) for line in told)
            and await ground.metric("rahnama_relay_foreign_partitions", source) >= 1
            and not await ground.ready(source)
        )

    began = time.monotonic()
    try:
        await within(ALARM_SECONDS, attempt, "the relay's alarm", pause_seconds=0.05)
    except TimeoutError:
        raise Expected(
            f"the relay of {source} gave no alarm for partition {partition} within {ALARM_SECONDS:.0f} s"
        ) from None
    ground.notes.append(f"the relay of {source} gave its alarm after {time.monotonic() - began:.1f} s")


async def require_held(
    ground: Ground, reader: str, source: str, partition: int, code: str | None = None
) -> None:
    """An error in the log that names the partition; and the gauge that alerts are made of."""

    async def attempt() -> bool:
        named = any(
            (told["source"], told["partition"]) == (source, partition) and code in (None, told["code"])
            for told in ground.alarms(reader, "partition_held")
        )
        return named and await ground.metric("rahnama_inbox_held", reader) >= 1

    try:
        await within(ALARM_SECONDS, attempt, "an alarm", pause_seconds=0.2)
    except TimeoutError:
        raise Expected(
            f"{reader} gave no alarm for partition {partition} of {source} within {ALARM_SECONDS:.0f} s"
        ) from None
