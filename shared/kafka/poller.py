"""Polls that survive what a client cannot read, and lose nothing of the other partitions by it.

Read in aiokafka 0.14, and relied upon here: a record is taken apart only as `getmany` hands it out. If one cannot
be (a broken checksum, an unknown compression, a header's name that is no UTF-8), `getmany` raises, and what it had
taken from other partitions in the same call is thrown away, though their positions have moved. FastStream starts
its loop again after such an error, at once, without end.

Between polls a consumer lets records gather, so that a trickle is applied in batches, too.
"""

import asyncio
import time
from itertools import chain
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaError, UnsupportedCodecError

from shared.kafka.clients import Found, Reader

FEW_RECORDS: Final = 50
SEVERAL_RECORDS: Final = 4
GATHER_SECONDS: Final = 0.04
LONGEST_GATHER_SECONDS: Final = 0.2


class Trickle:
    """Asked after each poll that found something. A record that reaches an idle consumer never waits."""

    def __init__(self, most_records: int) -> None:
        self._few = min(FEW_RECORDS, most_records)
        self._seconds = GATHER_SECONDS

    def pause_after(self, records: int) -> float:
        """Seconds from this poll to the next: none after many records, and ever more while several come each time.

        One or two at a time, as a single student makes them on its way, wait for the shortest pause only.
        """
        if records >= self._few:
            self._seconds = GATHER_SECONDS
            return 0.0
        if records >= SEVERAL_RECORDS:
            self._seconds = min(2 * self._seconds, LONGEST_GATHER_SECONDS)
        else:
            self._seconds = GATHER_SECONDS
        return self._seconds


ERROR_PAUSE_SECONDS: Final = 1.0
CAREFUL_SECONDS: Final = 5.0
"""So long after an error partitions are polled one at a time, so that the one at fault is found."""
CAREFUL_PAUSE_SECONDS: Final = 0.02

_log = structlog.get_logger("rahnama.kafka")


class Poller:
    """Waits for records; `records` bounds a poll."""

    def __init__(self, group: str, reader: Reader, *, records: int, wait_milliseconds: int) -> None:
        self._group = group
        self._reader = reader
        self._records = records
        self._wait_milliseconds = wait_milliseconds
        self._careful_until = 0.0
        self._failing: set[TopicPartition] = set()
        self._trickle = Trickle(records)
        self._next_at = 0.0

    async def poll(self, consumer: AIOKafkaConsumer) -> tuple[Any, ...]:
        """The next records, those of a partition together; never empty. Raises only when the consumer was stopped."""
        await self._gather()
        while True:
            asked_ns = time.time_ns()
            if asyncio.get_running_loop().time() < self._careful_until:
                found = await self._poll_one_by_one(consumer)
            else:
                found = await self._poll_all(consumer)
            if found:
                self._reader.polled(asked_ns, time.time_ns())
                return tuple(chain.from_iterable(found.values()))

    async def _gather(self) -> None:
        pause = self._next_at - asyncio.get_running_loop().time()
        if pause > 0:
            await asyncio.sleep(pause)

    async def _poll_all(self, consumer: AIOKafkaConsumer) -> Found:
        try:
            found: Found = await consumer.getmany(
                timeout_ms=self._wait_milliseconds, max_records=self._records
            )
        except ConsumerStoppedError:
            raise
        except Exception as error:
            _log.warning("kafka_poll_failed", group=self._group, error=type(error).__name__)
            await self._reader.interrupted()
            if is_unreadable(error):
                self._careful_until = asyncio.get_running_loop().time() + CAREFUL_SECONDS
            else:
                await asyncio.sleep(ERROR_PAUSE_SECONDS)
            return {}
        if found:
            self._reader.drained(found)
            pause = self._trickle.pause_after(sum(map(len, found.values())))
            self._next_at = asyncio.get_running_loop().time() + pause
        return found

    async def _poll_one_by_one(self, consumer: AIOKafkaConsumer) -> Found:
        """What the first partition with records has; the others' stay in the buffer.

        Where a partition fails, its records before the fault are taken one at a time.
        """
        for place in sorted(consumer.assignment()):
            alone = place in self._failing
            try:
                found: Found = await consumer.getmany(
                    place, timeout_ms=0, max_records=1 if alone else self._records
                )
            except ConsumerStoppedError:
                raise
            except Exception as error:
                await self._failed(place, error, alone=alone)
                continue
            if found:
                self._reader.drained(found)
                return found
        await asyncio.sleep(CAREFUL_PAUSE_SECONDS)
        return {}

    async def _failed(self, place: TopicPartition, error: Exception, *, alone: bool) -> None:
        self._careful_until = asyncio.get_running_loop().time() + CAREFUL_SECONDS
        if not is_unreadable(error):
            _log.warning("kafka_poll_failed", group=self._group, error=type(error).__name__)
            await asyncio.sleep(ERROR_PAUSE_SECONDS)
        elif alone:
            self._failing.discard(place)
            await self._reader.unreadable(place, error)
        else:
            self._failing.add(place)


def is_unreadable(error: Exception) -> bool:
    """Whether it lies in the record, so that another try brings the same. Other errors of Kafka pass."""
    return not isinstance(error, KafkaError) or isinstance(
        error, CorruptRecordException | UnsupportedCodecError
    )
