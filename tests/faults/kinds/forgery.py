"""Forged facts: the next ones of their partition, with fitting `previous`, written by somebody else.

They are applied. The relay raises its alarm at once, and each reader when the true fact comes. The operator empties the
partition and puts the readers' databases back to a copy from before, as in `docs/runbooks/foreign-record.md`.
"""

import signal
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from shared.contracts.envelope import event_id, leaf_hash
from shared.contracts.facts import INTAKE_SOURCE
from tests.faults.fault_context import Expected, FaultContext
from tests.faults.kinds.alarms import READERS, require, require_foreign_record, require_held
from tests.faults.proxied_system import PARTITIONS
from tests.integration.recover.backups import backups_on
from tests.invariants.reading import admin_of, read_rows, read_topic

CHANGED: Final = {"capacity": 0, "reg_center": 2}
MOST_FORGED: Final = 3
MOST_MENTORS: Final = 60
TO_THE_END: Final = -1


async def a_fact_is_forged(context: FaultContext) -> None:
    """On a quiet system, so that the readers apply it before the true one comes."""
    await context.idle()
    readers, system = READERS[INTAKE_SOURCE], context.proxied.system
    topic = context.servers.topic(INTAKE_SOURCE)
    async with backups_on(system.admin_dsn) as backups:
        for reader in readers:
            await context.proxied.kill(reader, signal.SIGTERM)
        copies = {reader: await backups.take(system.database(reader)) for reader in readers}
        for reader in readers:
            await context.proxied.start(reader)
        facts = await read_topic(context.servers, INTAKE_SOURCE)
        partition = context.draw.choice([number for number in sorted(facts) if facts[number]])
        sequence, values = await _forged(context, partition, facts[partition])
        last = sequence + len(values) - 1
        context.do(f"forge facts {sequence} to {last} of partition {partition}")
        await context.senders.produce([(value, None, None) for value in values], topic, partition)
        await require_foreign_record(context, INTAKE_SOURCE, partition)
        for reader in readers:
            await _applied(context, reader, partition, last)
        context.witness(True, "the forged facts are required to be applied above")
        await _empty(context, topic, [partition])
        await context.proxied.wait_until_ready()
        await _send_until_the_true_one(context, partition, sequence)
        for reader in readers:
            await require_held(context, reader, INTAKE_SOURCE, partition, "FORK")
        for reader in readers:
            await context.proxied.kill(reader, signal.SIGTERM)
        for reader in readers:
            await backups.restore(system.database(reader), copies[reader])
        await _empty(context, context.servers.topic("allocation"), range(PARTITIONS))
        for reader in readers:
            await context.proxied.start(reader)


async def _forged(context: FaultContext, partition: int, facts: list[bytes]) -> tuple[int, list[bytes]]:
    """The facts behind the last one, changed from older facts so that a reader has something to decide."""
    [head] = await read_rows(
        context.servers.dsns[INTAKE_SOURCE],
        f"select l.sequence, l.value from log l join log_head h using (partition, sequence) where partition = {partition}",
    )
    first, previous = int(head["sequence"]) + 1, leaf_hash(head["value"])
    values: list[bytes] = []
    for sequence in range(first, first + context.draw.randint(1, MOST_FORGED)):
        event: dict[str, Any] = msgspec.json.decode(context.draw.choice(facts[-20:]))
        event["data"] |= {name: value for name, value in CHANGED.items() if name in event["data"]}
        event |= {
            "id": event_id(INTAKE_SOURCE, partition, sequence),
            "sequence": f"{sequence:016d}",
            "previous": previous.hex(),
        }
        values.append(msgspec.json.encode(event))
        previous = leaf_hash(values[-1])
    return first, values


async def _applied(context: FaultContext, reader: str, partition: int, sequence: int) -> None:
    query = f"select sequence from inbox where source = '{INTAKE_SOURCE}' and partition = {partition}"

    async def attempt() -> bool:
        [row] = await read_rows(context.servers.dsns[reader], query)
        return bool(row["sequence"] == sequence)

    await require(attempt, f"{reader} did not apply the forged fact, so that nothing is shown")


async def _send_until_the_true_one(context: FaultContext, partition: int, sequence: int) -> None:
    """New mentors, until one of them is the true fact at that sequence."""
    for _ in range(MOST_MENTORS):
        if await context.a_new_mentor() == partition:
            return
    raise Expected(f"{MOST_MENTORS} mentors brought no fact {sequence} of partition {partition}")


async def _empty(context: FaultContext, topic: str, partitions: "list[int] | range") -> None:
    async with admin_of(context.servers.bootstrap) as admin:
        await admin.delete_records(
            {TopicPartition(topic, number): RecordsToDelete(TO_THE_END) for number in partitions}
        )
