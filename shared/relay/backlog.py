"""What was committed here and not yet published: kept in memory, so that the log is read only when behind."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from shared.append.log import Appended
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("shared.relay")
READ_ROWS: Final = 2000
READ_BYTES: Final = 1024 * 1024
RECORD_OVERHEAD_BYTES: Final = 192
"""Key, headers and lengths of one record on Kafka, generously."""


class Backlog:
    """The unpublished events of every partition, in order, at most `limit_bytes` of values in all.

    What does not fit is left out and read from the log later, so `offer` never blocks and never fails.
    """

    def __init__(self, partitions: int, *, limit_bytes: int) -> None:
        self._queues: list[deque[Appended]] = [deque() for _ in range(partitions)]
        self._limit_bytes = limit_bytes
        self._bytes = 0

    def offer(self, partition: int, events: Sequence[Appended]) -> None:
        """Keeps `events` if they follow what is kept and there is room."""
        queue = self._queues[partition]
        if queue and events[0].sequence != queue[-1].sequence + 1:
            return
        size = sum([len(event.value) for event in events])
        if self._bytes + size <= self._limit_bytes:
            queue.extend(events)
            self._bytes += size

    def load(self, partition: int, events: Sequence[Appended]) -> None:
        """Puts `events`, just read from the log, before what follows them."""
        reached = events[-1].sequence
        following = [event for event in self._queues[partition] if event.sequence > reached]
        self.clear(partition)
        self._queues[partition].extend(events)
        self._queues[partition].extend(following)
        self._bytes += sum([len(event.value) for event in self._queues[partition]])

    def next(self, partition: int, after: int, limit_bytes: int) -> list[Appended]:
        """The events that follow sequence `after` without a gap, one batch of them; none if memory has none.

        Forgets what stands at or before `after`.
        """
        queue = self._queues[partition]
        while queue and queue[0].sequence <= after:
            self._bytes -= len(queue.popleft().value)
        taken: list[Appended] = []
        room = limit_bytes
        for event in queue:
            after += 1
            room -= len(event.value) + RECORD_OVERHEAD_BYTES
            if event.sequence != after or (room < 0 and taken):
                break
            taken.append(event)
        return taken

    def oldest(self, partition: int, after: int) -> Appended | None:
        """The event that follows sequence `after`, if memory has it."""
        for event in self._queues[partition]:
            if event.sequence > after:
                return event if event.sequence == after + 1 else None
        return None

    def clear(self, partition: int) -> None:
        """Forgets a partition."""
        self._bytes -= sum([len(event.value) for event in self._queues[partition]])
        self._queues[partition].clear()


async def read_unsent(pool: Pool, partition: int, after: int) -> list[Appended]:
    """The events that follow sequence `after` in the log: at most 2,000, and about 1 MiB."""
    rows = await pool.fetch(QUERIES["read_unsent"], partition, after, READ_ROWS, READ_BYTES, timeout=30)
    return [
        Appended(
            row["partition"], row["sequence"], row["type"], row["tenant"], row["subject"],
            row["version"], row["value"], row["hash"], row["traceparent"],
        )
        for row in rows
    ]  # fmt: skip
