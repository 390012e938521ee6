"""What follows from a look: the gate opens or closes, and each led partition learns where to go on.

Every instance looks, because every instance appends; only the leader of a partition mends its topic.
"""

from collections.abc import Mapping, Sequence

import structlog

from shared.append.log import Log
from shared.postgres import Pool
from shared.relay.diagnosis import Disagreement, Healthy, Incomplete, LogView, Verdict, diagnose, view_log
from shared.relay.extent import Extent, TopicRecord
from shared.relay.foreign_watch import ForeignWatch
from shared.relay.leadership import Leadership
from shared.relay.metrics import REFILLS
from shared.relay.partition_relay import PartitionRelay
from shared.relay.scrub import Scrub
from shared.relay.tail import TailReader
from shared.relay.topic import Topic

LOG_VIEW_SECONDS = 10.0
UNCOMPARED = "the log was not compared with its topic yet"

logger = structlog.get_logger()


class Inspection:
    """Looks at all partitions of a topic at once."""

    def __init__(
        self, log: Log, pool: Pool, leadership: Leadership, partitions: Sequence[PartitionRelay]
    ) -> None:
        self._log = log
        self._pool = pool
        self._leadership = leadership
        self._partitions = partitions
        self._scrub = Scrub()
        self._tail = TailReader()
        self.foreign = ForeignWatch(log.source, pool, leadership, partitions)
        self._disagrees = False

    async def look(self, topic: Topic) -> bool:
        """Compares the topic with the log and acts on it. False if the database was lost, or time ran out, meanwhile.

        Raises what the clients of Kafka and Postgres raise; then the gate stays as it was.
        """
        term = self._leadership.term
        held = self._leadership.held
        asking = [part for part in self._partitions if part.number in held and part.asks_in(term)]
        running = [
            (part, part.position, part.next_offset)
            for part in self._partitions
            if part.number in held and part.position is not None
        ]
        extents = await topic.read()
        if not self._log.gate.is_open:
            compared = await self._tail.read(topic, extents)
            if compared is None:
                self.fail("the end of the topic is still being read")
                return False
            extents = compared
        read: dict[int, list[TopicRecord]] = {}
        if not asking:  # who waits for this look is told first; the next one reads on
            read = await self._scrub.advance(
                topic, {part.number: extents[part.number] for part, *_ in running}
            )
        log, verdicts = await self._judged(extents)
        if not self._leadership.keeps(term):
            return False
        self._tell_gate(topic.name, verdicts)
        for part, position, next_offset in running:
            if _has_lost(verdicts[part.number], extents[part.number], position, next_offset):
                part.doubt()
        await self._refill(topic, {part.number: verdicts[part.number] for part in asking})
        for part in asking:
            verdict = verdicts[part.number]
            if part.asks_in(self._leadership.term) and not isinstance(verdict, Disagreement):
                sequence = verdict.sequence if isinstance(verdict, Healthy) else 0
                part.begin_at(sequence, extents[part.number].end)
        if await self.foreign.look(topic, extents, log, read) and not asking:
            self._scrub.keep()
        return True

    async def _judged(self, extents: Mapping[int, Extent]) -> tuple[LogView, dict[int, Verdict]]:
        """The log at what was seen of the topic, and the verdict on each partition."""
        highest = {number: self._scrub.highest(number, extent) for number, extent in extents.items()}
        async with self._pool.acquire(timeout=LOG_VIEW_SECONDS) as connection:
            log = await view_log(connection, extents, highest)
        return log, {
            number: diagnose(
                number,
                extent,
                log,
                missing=self._scrub.missing(number, extent),
                read_highest=highest[number],
            )
            for number, extent in extents.items()
        }

    def fail(self, reason: str) -> None:
        """The look could not be done. An open gate stays open; a closed one tells why it still is."""
        if not self._log.gate.is_open and not self._disagrees:
            self.close_gate(f"{UNCOMPARED}: {reason}")

    def close_gate(self, reason: str) -> None:
        """Nothing may be appended any more."""
        if self._log.gate.is_open:
            logger.error("relay_gate_closed", source=self._log.source, reason=reason)
        self._log.gate.close(reason)

    def _tell_gate(self, topic: str, verdicts: dict[int, Verdict]) -> None:
        reasons = [
            f"partition {number} of {topic}: {verdict.reason}"
            for number, verdict in verdicts.items()
            if isinstance(verdict, Disagreement)
        ]
        self._disagrees = bool(reasons)
        if reasons:
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            self.close_gate(reasons[0] + more)
            return
        if not self._log.gate.is_open:
            logger.info("relay_gate_opened", source=self._log.source)
        self._log.gate.open()

    async def _refill(self, topic: Topic, verdicts: dict[int, Verdict]) -> None:
        incomplete = {n: verdict for n, verdict in verdicts.items() if isinstance(verdict, Incomplete)}
        for number, verdict in incomplete.items():
            logger.warning("relay_refills", topic=topic.name, partition=number, reason=verdict.reason)
            REFILLS.add(1, {"source": self._log.source})
        if incomplete:
            await topic.delete({number: verdict.end for number, verdict in incomplete.items()})


def _has_lost(verdict: Verdict, extent: Extent, position: int | None, next_offset: int) -> bool:
    """Whether a partition that stood at `position` before the look lost something."""
    if position is None:
        return False
    return not isinstance(verdict, Healthy) or verdict.sequence < position or extent.end < next_offset
