"""Compressed batches on `rahnama.inbound` that inflate a hundredfold and more: refused by their offsets, never taken apart."""

from typing import Final

from shared.kafka.closing_clients import Producer
from tests.deadlines import until
from tests.faults.fault_context import FaultContext
from tests.faults.memory import BOMB_BOUND_MIB, MIB
from tests.faults.proxied_system import PARTITIONS
from tests.faults.senders import Place
from tests.invariants.reading import INBOUND, read_rows

REFUSED_SECONDS: Final = 45.0
BOMBS: Final = {"gzip": 96 * MIB, "lz4": 96 * MIB, "zstd": 96 * MIB, "snappy": 32 * MIB}
"""How long each is when it is inflated; Kafka accepts no larger batch of snappy."""
SNAPPY_BOMBS: Final = 3
"""One alone would stay below the bound of memory if it were inflated."""


async def compressed_bombs_come_from_upstream(context: FaultContext) -> None:
    """Of each codec, between what is meant."""
    await context.underway(0.4)
    async with context.under_load(), context.attacked(["intake"], BOMB_BOUND_MIB):
        places: list[Place] = []
        for codec in context.draw.sample(sorted(BOMBS), len(BOMBS)):
            count = SNAPPY_BOMBS if codec == "snappy" else context.draw.randint(1, 2)
            context.do(f"{count} bombs of {BOMBS[codec] // MIB} MiB by {codec}")
            places += await _produce(context, codec, count)
        await context.in_use()
        refused = await _require_refused(context, places)
    context.witness(refused == len(places), f"{refused} of {len(places)} bombs were refused by their offsets")


async def _produce(context: FaultContext, codec: str, count: int) -> list[Place]:
    """Sends bombs to one partition, so that they are fetched together. Returns where they are."""
    partition = context.draw.randrange(PARTITIONS)
    producer = Producer(
        bootstrap_servers=context.servers.bootstrap,
        compression_type=codec,
        max_request_size=2 * BOMBS[codec],
        max_batch_size=2 * BOMBS[codec],
    )
    await producer.start()
    try:
        value = bytes(BOMBS[codec])
        written = [await producer.send_and_wait(INBOUND, value, partition=partition) for _ in range(count)]
    finally:
        await producer.stop()
    return [(partition, record.offset) for record in written]


async def _require_refused(context: FaultContext, places: list[Place]) -> int:
    """How many have a rejection of their own with the code. Raises `AssertionError` if one has none in time."""
    query = (
        "select inbound_partition as partition, inbound_offset as offset from rejections"
        " where errors::text like '%BATCH_TOO_LARGE%'"
    )

    async def attempt() -> int | None:
        rows = await read_rows(context.servers.dsns["intake"], query)
        found = {(row["partition"], row["offset"]) for row in rows} & set(places)
        return len(found) if len(found) == len(places) else None

    return await until(attempt, REFUSED_SECONDS, "a rejection of each bomb", pause_seconds=0.2)
