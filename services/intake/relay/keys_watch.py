"""`rahnama.keys` is healthy by itself: where it was lost, every key is sent again.

A partition is known by one record, its anchor, which stands in the database: compaction moves no record, and another
topic of the same name holds another one there, or none. Without its anchor, a partition gets the records of all
subjects whose first fact is in the same partition of the log, the tombstones of its tenants' erased, and a new anchor.
More records than needed do no harm: each says the same as the one before. But a database that was set back to an
older copy still has the keys of people who were erased since: while the log's gate is closed, nothing is sent.

A batch of keys whose sender was given up may still be written, seconds later and behind a tombstone that was sent
meanwhile. So each tombstone is sent once more, when nothing can be on its way any longer: by the process that sent it,
and, because that one may have ended, by any that finds an erasure which is not settled.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.intake.crypto.key_record import record_digest
from services.intake.relay.keys import Anchor, KeyRecords
from shared.append.log import Gate
from shared.errors import GateClosed
from shared.inbox.topic_look import TopicLook
from shared.kafka.clients import KafkaClients
from shared.postgres import TRANSIENT_ERRORS, Pool, named_queries
from shared.project.columns import columns
from shared.runtime.tasks import Background

QUERIES: Final = named_queries("services.intake.relay")
PAGE: Final = 1000
LATE_SECONDS: Final = 30.0
"""Longer than any batch is on its way."""

_log = structlog.get_logger("rahnama.intake")


class KeysWatch:
    """Looks at the topic on start and every `look_seconds`, and mends it."""

    def __init__(
        self,
        pool: Pool,
        records: KeyRecords,
        kafka: KafkaClients,
        topic: str,
        gate: Gate,
        *,
        look_seconds: float = 5.0,
        late_seconds: float = LATE_SECONDS,
    ) -> None:
        self._pool = pool
        self._records = records
        self._topic = topic
        self._gate = gate
        self._look = TopicLook(kafka)
        self._look_seconds = look_seconds
        self._late_seconds = late_seconds
        self._checked: dict[int, int] = {}
        self._unsettled: dict[tuple[str, str], float] = {}
        self._background = Background()

    async def start(self) -> None:
        """Begins; Kafka may come later."""
        self._background.start(self._watch())

    async def stop(self) -> None:
        """Ends; what was not sent again is sent after the next start."""
        await self._background.end()
        await self._look.close()

    def ready(self) -> str | None:
        """None while it runs; what it cannot do at the moment is tried again."""
        return None if self._background.runs else f"the watch over {self._topic} does not run"

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except (KafkaError, GateClosed, asyncpg.PostgresError, *TRANSIENT_ERRORS) as error:
                _log.warning("keys_not_looked_at", error=type(error).__name__)
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> None:
        """One look, and what follows from it. Raises `GateClosed`, and what the clients of Kafka and Postgres raise."""
        self._gate.require_open()
        rows = await self._pool.fetch(QUERIES["anchors"])
        anchors = {
            row["partition"]: Anchor(row["record_offset"], row["digest"])
            for row in rows
            if row["record_offset"] is not None
        }
        lost = await self._lost(anchors)
        for row in rows:
            partition, head = row["partition"], row["sequence"]
            if partition in anchors:
                if partition in lost:
                    await self._send_again(partition, head, behind=0)
            else:
                await self._anchor(partition, head)
        await self._bury_once_more()
        await self._settle_erasures()

    async def _bury_once_more(self) -> None:
        """The tombstones of some while ago; those that are sent here are not sent a third time."""
        buried, due = self._records.buried, asyncio.get_running_loop().time() - self._late_seconds
        while buried and buried[0][0] <= due:
            await self._records.bury(buried[0][1])
            buried.popleft()
            buried.pop()  # what was just sent

    async def _settle_erasures(self) -> None:
        """Sends the tombstones of erasures that were first seen here some while ago, for the last time."""
        now = asyncio.get_running_loop().time()
        erased = _subjects(await self._pool.fetch(QUERIES["unsettled_erasures"], PAGE))
        self._unsettled = {subject: self._unsettled.get(subject, now) for subject in erased}
        due = [subject for subject, since in self._unsettled.items() if now - since >= self._late_seconds]
        if due:
            await self._records.bury(due)
            self._records.buried.pop()  # what was just sent
            await self._pool.execute(QUERIES["settle_erasures"], *columns(due))

    async def _lost(self, anchors: Mapping[int, Anchor]) -> set[int]:
        """The partitions in which the anchor is not where it was. What could not be read is not lost: it may be there."""
        await self._records.require_topic()
        places = {TopicPartition(self._topic, partition): anchor for partition, anchor in anchors.items()}
        ends = await self._look.ends(places)
        held = {
            place: places[place].offset
            for place, (begin, end) in ends.items()
            if begin <= places[place].offset < end
        }
        reading = await self._look.try_read(held)
        found = {
            place
            for place, record in reading.found.items()
            if record_digest(record.key, record.value) == places[place].digest
        }
        return {place.partition for place in ends.keys() - found - reading.unread}

    async def _anchor(self, partition: int, head: int) -> None:
        """A partition that has none: what this process has sent from the log's beginning is known; else nothing is."""
        if head == 0:
            self._checked[partition] = 0
            return
        first = self._records.first_sent.get(partition)
        if self._checked.get(partition) == 0 and first is not None:
            await self._pool.execute(QUERIES["put_anchor"], partition, *first)
        elif self._checked.get(partition, -1) < head:
            await self._send_again(partition, head, behind=max(0, self._checked.get(partition, 0)))

    async def _send_again(self, partition: int, head: int, *, behind: int) -> None:
        """All keys of facts behind a sequence; the partition is known again only when all are acknowledged.

        It is known by the first record that was sent: if the topic is lost between two pages, that one is not there.
        """
        anchor, sent, sequence = None, 0, behind
        while rows := await self._pool.fetch(QUERIES["keyed_subjects"], partition, sequence, PAGE):
            self._gate.require_open()
            first = await self._records.send_again(partition, _subjects(rows))
            anchor = anchor or first
            sent, sequence = sent + len(rows), rows[-1]["sequence"]
        await self._bury_again(partition)
        if anchor is None:
            self._checked[partition] = head
        else:
            await self._pool.execute(QUERIES["put_anchor"], partition, *anchor)
            self._checked.pop(partition, None)
        if sent:
            _log.warning("keys_sent_again", partition=partition, keys=sent)

    async def _bury_again(self, partition: int) -> None:
        """The tombstones of its tenants' erased, whose last fact is here or in their other pool's partition."""
        place = (-1, 0)
        pools = [partition, partition ^ 1]
        while rows := await self._pool.fetch(QUERIES["erased_in"], pools, *place, PAGE):
            await self._records.bury(_subjects(rows))
            place = rows[-1]["partition"], rows[-1]["sequence"]


def _subjects(rows: Sequence[Any]) -> list[tuple[str, str]]:
    return [(row["tenant"], row["subject"]) for row in rows]
