"""Poison: on `rahnama.inbound` it is refused, one by one; on a log's topic it holds its partition and no other."""

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.e2e.waiting import within
from tests.faults.bed import PARTITIONS
from tests.faults.corpus import CORPUS, INTERNAL
from tests.faults.ground import Ground
from tests.faults.kinds.alarms import ALARM_SECONDS, READERS, require, require_foreign_record, require_held
from tests.invariants.reading import INBOUND, admin_of, end_offsets, read_rows, read_topic


async def poison_comes_from_upstream(ground: Ground) -> None:
    """A sample of the corpus over all partitions, between what is meant."""
    await ground.underway(0.4)
    poison = ground.draw.sample(CORPUS, ground.draw.randint(5, 30))
    before = await _rejections(ground)
    ground.do(f"{len(poison)} poisonous records on {INBOUND}")
    for record in poison:
        await ground.senders.produce([record], INBOUND, ground.draw.randrange(PARTITIONS))
        await ground.pause(0.0, 0.05)

    async def refused() -> bool:
        return await _rejections(ground) > before

    await require(refused, f"none of {len(poison)} poisonous records was rejected")
    ground.witness(True, "a rejection is required above")


async def _rejections(ground: Ground) -> int:
    """Of records of Kafka, so far."""
    [row] = await read_rows(
        ground.servers.dsns["intake"], "select count(*) as many from rejections where door = 'kafka'"
    )
    return int(row["many"])


async def poison_stands_on_a_logs_topic(ground: Ground) -> None:
    """The relay reports it and its readers hold that partition, and apply the others; the operator deletes the partition's
    records, the relay fills it again, and it goes on."""
    source = ground.draw.choice(sorted(READERS))
    await ground.underway(0.3)
    topic = ground.servers.topic(source)
    partition = ground.draw.choice(await _with_records(ground, topic))
    value = await _foreign_record(ground, source, partition)
    ground.do(f"{value[:40]!r} ({len(value)} bytes) on partition {partition} of rahnama.{source}")
    await ground.senders.produce([(value, None, None)], topic, partition)
    await require_foreign_record(ground, source, partition)
    for reader in READERS[source]:
        await require_held(ground, reader, source, partition)
    ground.witness(True, "the alarms are required above")
    await _require_others_go_on(ground, source, partition)
    await _mend(ground, topic, partition)


async def _with_records(ground: Ground, topic: str) -> list[int]:
    """The partitions that have some, once there are two: of the first events nothing may be decided yet."""

    async def attempt() -> list[int] | None:
        ends = await end_offsets(ground.servers.bootstrap, topic)
        filled = [number for number, end in sorted(ends.items()) if end]
        return filled if len(filled) > 1 else None

    return await within(ALARM_SECONDS, attempt, "records in two partitions")


async def _foreign_record(ground: Ground, source: str, partition: int) -> bytes:
    """Garbage, or a true event of another partition."""
    if ground.draw.random() < 0.6:
        return ground.draw.choice(INTERNAL)
    topic = await read_topic(ground.servers, source)
    other = ground.draw.choice([number for number in sorted(topic) if number != partition and topic[number]])
    return topic[other][-1]


async def _require_others_go_on(ground: Ground, source: str, held: int) -> None:
    """Every other partition of the log is applied to where it stands now."""
    heads = {
        row["partition"]: row["sequence"]
        for row in await read_rows(ground.servers.dsns[source], "select partition, sequence from log_head")
        if row["partition"] != held
    }
    for reader in READERS[source]:

        async def attempt(reader: str = reader) -> bool:
            rows = await read_rows(
                ground.servers.dsns[reader],
                f"select partition, sequence from inbox where source = '{source}'",
            )
            return all(row["sequence"] >= heads.get(row["partition"], 0) for row in rows)

        await require(attempt, f"{reader} stopped in partitions that are not the poisoned one")


async def _mend(ground: Ground, topic: str, partition: int) -> None:
    """What an operator does: deletes what stands in the partition; the relay's next look fills it."""
    async with admin_of(ground.servers.bootstrap) as admin:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(-1)})
