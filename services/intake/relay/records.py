"""A batch producer for records that stand in no log."""

import time
from collections.abc import Sequence
from typing import Any

from shared.relay.producer import BatchProducer

Headers = Sequence[tuple[str, bytes]]
Record = tuple[bytes, bytes | None]
"""Key and value; a null value is a tombstone."""


class RecordProducer(BatchProducer):
    """Sends (key, value) pairs to one topic; as the relay's, it is thrown away after its first error."""

    def fill_records(self, records: Sequence[Record], headers: Headers = ()) -> tuple[Any, int]:
        """A batch with as many of `records` as fit, and how many that are (at least one)."""
        batch = self._opened().create_batch()
        now = int(time.time() * 1000)
        count = 0
        for key, value in records:
            if batch.append(timestamp=now, key=key, value=value, headers=list(headers)) is None:
                break
            count += 1
        batch.close()
        return batch, count

    async def send_all(self, partition: int, records: Sequence[Record], headers: Headers = ()) -> int:
        """The offset of the first, once Kafka has acknowledged every one of `records`; below 0 if it is not told."""
        first, sent = -1, 0
        while sent < len(records):
            batch, count = self.fill_records(records[sent:], headers)
            offset = await self.send(partition, batch)
            first = offset if sent == 0 else first
            sent += count
        return first
