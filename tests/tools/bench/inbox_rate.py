"""Records per second that the inbox admits, with a service that does nothing.

RAHNAMA_TEST_KAFKA=127.0.0.1:9092 python -m tests.tools.bench.inbox_rate [records]
"""

import asyncio
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.contracts.envelope import Envelope, encode, event_id, leaf_hash
from shared.inbox.garbage import GarbagePacer
from shared.inbox.log_inbox import LogInbox
from shared.inbox.positions import Position, Slice
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.polling import Polling
from tests.integration.inbox.adder import publish
from tests.servers import fresh_topics

PARTITIONS = 12
DATA = msgspec.Raw(b'{"filler":"' + b"x" * 480 + b'"}')


@dataclass
class Nothing:
    position: Position


def events(partition: int, count: int) -> list[bytes]:
    values, previous = [], bytes(32)
    for sequence in range(1, count + 1):
        value = encode(
            Envelope(
                "1.0", event_id("intake", partition, sequence), "/rahnama/intake", "test.v1", "student/x",
                "2026-01-01T00:00:00.000000Z", "application/json", "default", f"{sequence:016d}", previous.hex(),
                "0" * 32, DATA,
            )
        )  # fmt: skip
        previous = leaf_hash(value)
        values.append(value)
    return values


async def measure(records: int, bootstrap: str) -> None:
    done, batches, begun, finished = 0, 0, asyncio.Event(), asyncio.Event()

    async def load(source: str, partition: int) -> Nothing:
        return Nothing(Position(0, bytes(32)))

    async def apply(slices: Sequence[Slice[Nothing]]) -> None:
        nonlocal done, batches
        batches += 1
        begun.set()
        for piece in slices:
            piece.state.position = piece.reached
            done += len(piece.records)
        if done >= records:
            finished.set()

    async def hashes(source: str, partition: int, sequences: Collection[int]) -> Mapping[int, bytes]:
        return {}

    async with fresh_topics(bootstrap, PARTITIONS) as topics:
        topic = topics.name("rahnama.intake")
        for partition in range(PARTITIONS):
            await publish(bootstrap, topic, events(partition, records // PARTITIONS), partition=partition)
        pool: Any = None
        pacer = GarbagePacer()
        inbox = LogInbox(
            AioKafkaClients(bootstrap), "bench." + topic, {"intake": topic}, load, apply, hashes, pool,
            polling=Polling(), pacer=pacer,
        )  # fmt: skip
        pacer.start()
        await inbox.start()
        await begun.wait()
        first, began, cpu = done, time.monotonic(), time.process_time()
        async with asyncio.timeout(120):
            await finished.wait()
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        await inbox.stop()
        sys.stdout.write(
            f"{(done - first) / seconds:,.0f} records/s, {cpu / (done - first) * 1e6:.1f} µs of CPU a record,"
            f" {batches} batches\n"
        )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 240_000
    asyncio.run(measure(count // PARTITIONS * PARTITIONS, os.environ["RAHNAMA_TEST_KAFKA"]))
