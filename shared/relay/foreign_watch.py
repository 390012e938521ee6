"""The leader's watch over who else writes to its partitions: at each look, and several times a second between two looks."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka.errors import OffsetOutOfRangeError

from shared.postgres import Pool
from shared.relay.diagnosis import LogView
from shared.relay.extent import Extent, FetchedRecords, TopicRecord, UnreadableRecord
from shared.relay.foreign import READ_SECONDS, ForeignRecord, ForeignRecords, foreign_of
from shared.relay.leadership import Leadership
from shared.relay.partition_relay import PartitionRelay
from shared.relay.producer import Account
from shared.relay.topic import Topic

SETTLE_SECONDS: Final = 0.3
"""Longest wait for the acknowledgement of a batch in flight, to which the unknown offsets may belong."""
SETTLE_STEP_SECONDS: Final = 0.02


class ForeignWatch:
    """What it costs: one request for the topic's ends; reading only where the ends are not accounted for."""

    def __init__(
        self, source: str, pool: Pool, leadership: Leadership, partitions: Sequence[PartitionRelay]
    ) -> None:
        self._leadership = leadership
        self._partitions = partitions
        self.found = ForeignRecords(source, pool)

    async def look(
        self,
        topic: Topic,
        extents: Mapping[int, Extent],
        log: LogView,
        read: Mapping[int, Sequence[TopicRecord]],
    ) -> bool:
        """Compares what the look has shown: first and last records, and those that were read through.

        False if the database was lost meanwhile: nothing was compared.
        """
        term = self._leadership.term
        accounts = self._led()
        self.found.lead(accounts)
        await self.found.check_again(topic, extents)
        hashes = await self.found.hashes(read)
        if not self._leadership.keeps(term):
            return False  # the log that was asked may be another one: a restored backup
        for number, records in read.items():
            self.found.report(topic.name, number, foreign_of(records, hashes[number]))
        for number, account in accounts.items():
            self.found.report(topic.name, number, _at_the_ends(number, extents[number], log))
            account.look(extents[number].begin, extents[number].end)
        await self._compare(topic, accounts, {number: extents[number].end for number in accounts})
        return True

    async def check(self, topic: Topic) -> None:
        """Asks for the ends, and compares what was written past this leader."""
        if accounts := self._led():
            await self._compare(topic, accounts, await topic.ends(accounts))

    def _led(self) -> dict[int, Account]:
        held = self._leadership.held
        return {part.number: part.account for part in self._partitions if part.number in held}

    async def _compare(self, topic: Topic, accounts: Mapping[int, Account], ends: Mapping[int, int]) -> None:
        term, loop = self._leadership.term, asyncio.get_running_loop()
        settled_at = loop.time() + SETTLE_SECONDS
        while loop.time() < settled_at and any(  # noqa: ASYNC110 (bounded, and several may end)
            account.sending and account.unknown(ends[number]) for number, account in accounts.items()
        ):
            await asyncio.sleep(SETTLE_STEP_SECONDS)
        read: dict[int, FetchedRecords] = {}
        until = loop.time() + READ_SECONDS
        for number, account in accounts.items():
            if (unknown := account.unknown(ends[number])) is not None:
                read[number] = await self._read(topic, number, unknown, until)
        if not read:
            return
        hashes = await self.found.hashes({number: piece.records for number, piece in read.items()})
        if not self._leadership.keeps(term):
            return
        for number, piece in read.items():
            self.found.report(topic.name, number, foreign_of(piece.records, hashes[number]))
            accounts[number].compared(piece.next_offset)

    async def _read(
        self, topic: Topic, number: int, unknown: tuple[int, int], until: float
    ) -> FetchedRecords:
        first, end = unknown
        try:
            return await topic.read_through(number, first, end, until=until)
        except OffsetOutOfRangeError:
            return FetchedRecords([], first)  # deleted meanwhile: the next look knows the new ends
        except UnreadableRecord as error:
            return FetchedRecords([*error.piece.records, error.seen], end)


def _at_the_ends(number: int, extent: Extent, log: LogView) -> list[ForeignRecord]:
    """First and last record. What is beyond the log's head is the gate's: a restored database shows the same."""
    head = log.standings[number].head
    seen = [
        record
        for record in (extent.first, extent.last)
        if record is not None and (record.sequence is None or record.sequence <= head)
    ]
    sequences = {record.sequence for record in seen if record.sequence is not None}
    return foreign_of(
        seen, {one: log.hashes[number, one] for one in sequences if (number, one) in log.hashes}
    )
