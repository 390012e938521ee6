"""Poison: on `rahnama.inbound` it is refused, one by one; on a log's topic it holds its partition and no other."""

from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.deadlines import until
from tests.faults.corpus import CORPUS, ID, INTERNAL
from tests.faults.fault_context import FaultContext
from tests.faults.kinds.alarms import ALARM_SECONDS, READERS, require, require_foreign_record, require_held
from tests.faults.proxied_system import PARTITIONS
from tests.faults.senders import Place, Record
from tests.invariants.reading import INBOUND, admin_of, end_offsets, read_rows, read_topic


async def poison_comes_from_upstream(context: FaultContext) -> None:
    """A sample of the corpus over all partitions, between what is meant. Each record is rejected at its own offset."""
    await context.underway(0.4)
    poison = _with_new_id(context, context.draw.sample(CORPUS, context.draw.randint(5, 30)))
    context.do(f"{len(poison)} poisonous records on {INBOUND}")
    places: set[Place] = set()
    for record in poison:
        places.update(await context.senders.produce([record], INBOUND, context.draw.randrange(PARTITIONS)))
        await context.pause(0.0, 0.05)

    async def refused() -> bool:
        return not places - await _rejected_places(context)

    await require(refused, f"not each of {len(places)} poisonous records was rejected at its offset")
    context.witness(bool(places), f"none of {len(poison)} poisonous records was acknowledged at once")


def _with_new_id(context: FaultContext, records: Sequence[Record]) -> list[Record]:
    """Those with an id get one of this trial: a repeat of an earlier trial's record has no rejection of its own."""
    new = f'"{ID}-{context.draw.getrandbits(64):016x}"'.encode()
    return [(value.replace(f'"{ID}"'.encode(), new), key, headers) for value, key, headers in records]


async def _rejected_places(context: FaultContext) -> set[Place]:
    """Of the records of Kafka that were rejected so far."""
    rows = await read_rows(
        context.servers.dsns["intake"],
        "select inbound_partition as partition, inbound_offset as offset from rejections where door = 'kafka'",
    )
    return {(row["partition"], row["offset"]) for row in rows}


async def poison_stands_on_a_logs_topic(context: FaultContext) -> None:
    """The relay reports it and its readers hold that partition, and apply the others; the operator deletes the partition's
    records, the relay fills it again, and it goes on."""
    source = context.draw.choice(sorted(READERS))
    await context.underway(0.3)
    topic = context.servers.topic(source)
    partition = context.draw.choice(await _with_records(context, topic))
    value = await _foreign_record(context, source, partition)
    context.do(f"{value[:40]!r} ({len(value)} bytes) on partition {partition} of rahnama.{source}")
    await context.senders.produce([(value, None, None)], topic, partition)
    await require_foreign_record(context, source, partition)
    for reader in READERS[source]:
        await require_held(context, reader, source, partition)
    context.witness(True, "the alarms are required above")
    await _require_others_go_on(context, source, partition)
    await _mend(context, topic, partition)


async def _with_records(context: FaultContext, topic: str) -> list[int]:
    """The partitions that have some, once there are two: of the first events nothing may be decided yet."""

    async def attempt() -> list[int] | None:
        ends = await end_offsets(context.servers.bootstrap, topic)
        filled = [number for number, end in sorted(ends.items()) if end]
        return filled if len(filled) > 1 else None

    return await until(attempt, ALARM_SECONDS, "records in two partitions")


async def _foreign_record(context: FaultContext, source: str, partition: int) -> bytes:
    """Garbage, or a true event of another partition."""
    if context.draw.random() < 0.6:
        return context.draw.choice(INTERNAL)
    topic = await read_topic(context.servers, source)
    other = context.draw.choice([number for number in sorted(topic) if number != partition and topic[number]])
    return topic[other][-1]


async def _require_others_go_on(context: FaultContext, source: str, held: int) -> None:
    """Every other partition of the log is applied to where it stands now."""
    heads = {
        row["partition"]: row["sequence"]
        for row in await read_rows(context.servers.dsns[source], "select partition, sequence from log_head")
        if row["partition"] != held
    }
    for reader in READERS[source]:

        async def attempt(reader: str = reader) -> bool:
            rows = await read_rows(
                context.servers.dsns[reader],
                f"select partition, sequence from inbox where source = '{source}'",
            )
            return all(row["sequence"] >= heads.get(row["partition"], 0) for row in rows)

        await require(attempt, f"{reader} stopped in partitions that are not the poisoned one")


async def _mend(context: FaultContext, topic: str, partition: int) -> None:
    """What an operator does: deletes what stands in the partition; the relay's next look fills it."""
    async with admin_of(context.servers.bootstrap) as admin:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(-1)})
