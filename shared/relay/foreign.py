"""Records on the topic that the log does not hold: somebody else writes there.

The log's own bytes are never foreign, no matter who sent them or how often: late batches, a second relay, a refill.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka.errors import OffsetOutOfRangeError

from shared.postgres import Pool, named_queries
from shared.relay.diagnosis import FOREIGN, FOREIGN_RECORD
from shared.relay.extent import Extent, TopicRecord, UnreadableRecord
from shared.relay.topic import Topic

QUERIES: Final = named_queries("shared.relay")
COMPARE_SECONDS: Final = 10.0
READ_SECONDS: Final = 0.2
MOST_KEPT: Final = 100
"""Foreign records that are remembered and logged of one partition."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ForeignRecord:
    """Where it is, what it is, and what the log holds at its sequence. An unreadable record has no hash."""

    offset: int
    sequence: int | None
    hash: bytes
    kept: bytes | None

    @property
    def reason(self) -> str:
        """For operators."""
        if not self.hash:
            return f"offset {self.offset} holds a record that cannot be read: {FOREIGN_RECORD}"
        if self.sequence is None:
            return f"offset {self.offset} {FOREIGN} (hash {self.hash.hex()})"
        held = "holds no such sequence" if self.kept is None else f"has {self.kept.hex()}"
        return (
            f"sequence {self.sequence} at offset {self.offset} has the hash {self.hash.hex()},"
            f" but the log {held}: {FOREIGN_RECORD}"
        )


def foreign_of(records: Iterable[TopicRecord], hashes: Mapping[int, bytes]) -> list[ForeignRecord]:
    """The records of one partition that are not the log's, given the log's hashes at their sequences."""
    found = []
    for seen in records:
        kept = None if seen.sequence is None else hashes.get(seen.sequence)
        if kept != seen.hash:
            found.append(ForeignRecord(seen.offset, seen.sequence, seen.hash, kept))
    return found


class ForeignRecords:
    """Those that the topic holds now, reported for the partitions that this instance leads. Cleared when they are deleted.

    Those of other partitions are remembered: they are not read again when this instance leads such a partition again.
    """

    def __init__(self, source: str, pool: Pool) -> None:
        self._source = source
        self._pool = pool
        self._topic = ""
        self._found: dict[int, dict[int, ForeignRecord]] = {}
        self._led: frozenset[int] = frozenset()

    @property
    def partitions(self) -> int:
        """How many led partitions hold some."""
        return len(self._led & self._found.keys())

    def reason(self) -> str | None:
        """Why the topic cannot be trusted, or None."""
        for number in sorted(self._led & self._found.keys()):
            records = self._found[number]
            first = records[min(records)]
            more = sum(len(others) for other, others in self._found.items() if other in self._led) - 1
            also = f" (and {more} more)" if more else ""
            return f"partition {number} of {self._topic}: {first.reason}{also}"
        return None

    def lead(self, numbers: Iterable[int]) -> None:
        """Another instance leads the other partitions, and reports them."""
        self._led = frozenset(numbers)

    async def hashes(self, records: Mapping[int, Sequence[TopicRecord]]) -> dict[int, dict[int, bytes]]:
        """What the log holds at the sequences of these records, by partition. To be read after the records."""
        places = [
            (number, seen.sequence)
            for number, some in records.items()
            for seen in some
            if seen.sequence is not None
        ]
        found: dict[int, dict[int, bytes]] = {number: {} for number in records}
        if places:
            numbers, sequences = zip(*places, strict=True)
            rows = await self._pool.fetch(
                QUERIES["hashes"], list(numbers), list(sequences), timeout=COMPARE_SECONDS
            )
            for row in rows:
                found[row["partition"]][row["sequence"]] = row["hash"]
        return found

    def report(self, topic: str, number: int, records: Iterable[ForeignRecord]) -> None:
        """Logs each of them once, and remembers it."""
        self._topic = topic
        for record in records:
            known = self._found.setdefault(number, {})
            if record.offset in known or len(known) >= MOST_KEPT:
                continue
            known[record.offset] = record
            logger.error(
                "foreign_record", source=self._source, topic=topic, partition=number, offset=record.offset,
                sequence=record.sequence, hash=record.hash.hex(),
                log_hash=None if record.kept is None else record.kept.hex(),
            )  # fmt: skip

    async def check_again(self, topic: Topic, extents: Mapping[int, Extent]) -> None:
        """Forgets what was deleted, and what the log holds by now: a restored log that was recovered."""
        for number in sorted(self._led & self._found.keys()):
            known = self._found[number]
            extent = extents[number]
            left = [record for offset, record in known.items() if extent.begin <= offset < extent.end]
            if left and await _holds(topic, number, left[0]):
                seen = [TopicRecord(record.offset, record.sequence, record.hash) for record in left]
                hashes = await self.hashes({number: seen})
                foreign = {record.offset for record in foreign_of(seen, hashes[number])}
                left = [record for record in left if record.offset in foreign]
            else:
                left = []
            if left:
                self._found[number] = {record.offset: record for record in left}
            else:
                del self._found[number]
                logger.info("foreign_records_gone", source=self._source, topic=topic.name, partition=number)


async def _holds(topic: Topic, number: int, record: ForeignRecord) -> bool:
    """Whether that record is still there; a topic that was made again holds another one."""
    try:
        piece = await topic.read_through(number, record.offset, record.offset + 1, until=0.0)
    except OffsetOutOfRangeError:
        return False  # deleted since the look
    except UnreadableRecord:
        return not record.hash
    return not piece.records or piece.records[0].hash == record.hash
