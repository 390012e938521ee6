"""What a record costs the process that polls it: bare aiokafka, FastStream as it comes, and FastStream as the inbox has it.

python -m tests.tools.bench.faststream_cost [rounds]

The same topic of one partition is read from its beginning by each in turns, in batches of at most 2,000, by a handler that only
counts. CPU of this process, where the clients run; the median of the rounds. Prints JSON.
"""

import asyncio
import json
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import NewTopic
from faststream.kafka import KafkaBroker

from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.clients import Found, Records
from shared.kafka.polling import Polling
from tests.servers import running_kafka
from tests.tools.bench.machine import describe

RECORDS: Final = 100_000
VALUE: Final = b"x" * 700
HEADERS: Final = [
    ("content-type", b"application/cloudevents+json; charset=UTF-8"),
    ("traceparent", b"0" * 55),
]
ROUNDS: Final = 5
POLLING: Final = Polling()


class Counted:
    """Ends when every record was handled; as a reader, it needs to know nothing of a poll."""

    def __init__(self) -> None:
        self.left = RECORDS
        self.done = asyncio.Event()

    def add(self, records: int) -> None:
        """So many more."""
        self.left -= records
        if self.left <= 0:
            self.done.set()

    def drained(self, found: Found) -> None:
        """See `shared.kafka.clients.Reader`."""

    def polled(self, asked_ns: int, got_ns: int) -> None:
        """See `shared.kafka.clients.Reader`."""

    async def interrupted(self) -> None:
        """See `shared.kafka.clients.Reader`."""

    async def unreadable(self, place: TopicPartition, error: Exception) -> None:
        """See `shared.kafka.clients.Reader`."""
        raise RuntimeError(f"{place}: {error}")


async def fill(bootstrap: str, topic: str) -> None:
    """The topic and its records."""
    admin = await AioKafkaClients(bootstrap).admin()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=262_144)
    await producer.start()
    for _ in range(RECORDS // 1000):
        sent = [await producer.send(topic, VALUE, headers=HEADERS) for _ in range(1000)]
        await asyncio.gather(*sent)
    await producer.stop()


async def bare(bootstrap: str, topic: str, counted: Counted) -> None:
    """aiokafka's own loop."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=f"bare-{uuid.uuid4()}", auto_offset_reset="earliest",
        enable_auto_commit=False,
    )  # fmt: skip
    await consumer.start()
    while not counted.done.is_set():
        found = await consumer.getmany(
            timeout_ms=POLLING.wait_milliseconds, max_records=POLLING.batch_records
        )
        counted.add(sum(len(records) for records in found.values()))
    await consumer.stop()


async def as_it_comes(bootstrap: str, topic: str, counted: Counted) -> None:
    """A batch subscriber with FastStream's parser, decoder and loop."""
    broker = KafkaBroker(bootstrap, logger=None)

    @broker.subscriber(
        topic, group_id=f"faststream-{uuid.uuid4()}", batch=True, auto_offset_reset="earliest",
        max_records=POLLING.batch_records, batch_timeout_ms=POLLING.wait_milliseconds,
    )  # fmt: skip
    async def handle(bodies: list[bytes]) -> None:
        counted.add(len(bodies))

    await broker.start()
    await counted.done.wait()
    await broker.stop()


async def of_the_inbox(bootstrap: str, topic: str, counted: Counted) -> None:
    """`shared.kafka.group_subscription`."""

    async def handle(records: Records) -> None:
        counted.add(len(records))

    subscription = AioKafkaClients(bootstrap).subscription(
        f"inbox-{uuid.uuid4()}", [topic], POLLING, handle=handle, reader=counted, listener=_Listener()
    )
    await subscription.start()
    await counted.done.wait()
    await subscription.stop()


class _Listener(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing is kept of a partition."""

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Nothing is kept of a partition."""


READERS: Final[dict[str, Callable[[str, str, Counted], Awaitable[None]]]] = {
    "aiokafka": bare,
    "FastStream as it comes": as_it_comes,
    "FastStream of the inbox": of_the_inbox,
}


async def measure(rounds: int) -> dict[str, Any]:
    """CPU in microseconds a record, by reader."""
    costs: dict[str, list[float]] = {name: [] for name in READERS}
    async with running_kafka() as bootstrap:
        topic = "cost"
        await fill(bootstrap, topic)
        for _ in range(rounds):
            for name, read in READERS.items():
                before = time.process_time()
                await read(bootstrap, topic, Counted())
                costs[name].append((time.process_time() - before) / RECORDS * 1e6)
    median = {name: round(statistics.median(found), 2) for name, found in costs.items()}
    least = {name: round(min(found), 2) for name, found in costs.items()}
    return {
        "microseconds_a_record": median,
        "least": least,
        "rounds": rounds,
        "records": RECORDS,
        "machine": describe(),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)), indent=2))
