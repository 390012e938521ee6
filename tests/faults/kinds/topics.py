"""Topics: old records again, and topics that are wiped: busy, idle, and regrown past a consumer's position."""

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaError

from infra.local.topics import ensure_topics
from infra.services import LOGS
from tests.faults.fault_context import FaultContext
from tests.faults.proxied_system import PARTITIONS
from tests.invariants.reading import admin_of, consumer_of, end_offsets, read_topic

TO_THE_END: Final = -1
GROWTH_LOOKS: Final = 40
GROWTH_LOOK_SECONDS: Final = 0.25


async def old_records_come_again(context: FaultContext) -> None:
    """Repeats and stale records of a log are mixed into its topic, the last one too."""
    source = context.draw.choice(LOGS)
    await context.underway()
    topic = await read_topic(context.servers, source)
    count = 0
    for _ in range(context.draw.randint(2, 5) if topic else 0):
        partition = context.draw.choice(sorted(topic))
        values = topic[partition]
        start = context.draw.randrange(len(values))
        stale = values[start : start + context.draw.randint(1, 15)]
        context.draw.choice((list.reverse, list.sort, lambda _: None))(stale)
        await context.senders.produce(
            [(value, None, None) for value in stale], context.servers.topic(source), partition
        )
        count += len(stale)
        await context.pause(0.0, 0.4)
    context.witness(count > 0, f"rahnama.{source} had no record to repeat")
    context.do(f"{count} old records again on rahnama.{source}")


async def a_busy_topic_loses_its_records(context: FaultContext) -> None:
    """Up to where it is, in some partitions or in all; its offsets go on."""
    source = context.draw.choice(LOGS)
    await context.underway()
    context.do(f"delete the records of rahnama.{source}")
    await delete_records(context, context.servers.topic(source))


async def an_idle_topic_loses_its_records(context: FaultContext) -> None:
    """Nobody writes: who notices it is the look."""
    source = context.draw.choice(LOGS)
    await context.idle()
    context.do(f"delete the records of idle rahnama.{source}")
    await delete_records(context, context.servers.topic(source))
    await context.pause(0.0, 2.0)
    await context.more(5)


async def a_busy_topic_is_made_anew(context: FaultContext) -> None:
    """Deleted and created under the load."""
    source = context.draw.choice(LOGS)
    await context.underway()
    context.do(f"make rahnama.{source} anew")
    await make_anew(context, context.servers.topic(source))


async def an_idle_topic_is_made_anew(context: FaultContext) -> None:
    """Deleted and created, or only deleted, when nothing is on its way."""
    source = context.draw.choice(LOGS)
    await context.idle()
    create = context.draw.random() < 0.7
    context.do(f"{'make anew' if create else 'delete'} idle rahnama.{source}")
    await make_anew(context, context.servers.topic(source), create=create)
    await context.pause(0.0, 2.0)
    await context.more(5)


async def a_topic_grows_again_past_a_consumers_position(context: FaultContext) -> None:
    """While the consumer is stopped the topic is made anew, filled, and goes on beyond where the consumer was."""
    source, consumer = context.draw.choice(
        (("intake", "allocation"), ("intake", "audit"), ("allocation", "audit"))
    )
    await context.idle()
    by_kill = context.draw.random() < 0.5
    context.do(f"{'SIGKILL' if by_kill else 'SIGSTOP'} {consumer}, make rahnama.{source} anew, let it grow")
    if by_kill:
        await context.proxied.kill(consumer)
    else:
        context.proxied.signal(consumer, signal.SIGSTOP)
    before = await end_offsets(context.servers.bootstrap, context.servers.topic(source))
    await make_anew(context, context.servers.topic(source))
    await context.more(25)
    await context.pause(0.5, 2.5)
    grown = await _has_grown_past(context, context.servers.topic(source), before)
    context.witness(grown, f"the new rahnama.{source} was not longer than the old one in any partition")
    if by_kill:
        await context.proxied.start(consumer)
    else:
        context.proxied.signal(consumer, signal.SIGCONT)


async def the_inbound_topic_is_made_anew(context: FaultContext) -> None:
    """Busy or idle. What was acknowledged and not yet applied is lost; upstream, never answered, sends it again."""
    if busy := context.draw.random() < 0.5:
        await context.underway()
    else:
        await context.idle()
    context.do(f"make {'busy' if busy else 'idle'} rahnama.inbound anew")
    context.environment.inbound_made_anew += 1
    await make_anew(context, context.servers.topic("inbound"))
    await context.more(10)
    for lane in context.lanes:
        context.senders.sent.forget_order(step.event for step in lane)


async def the_keys_topic_is_made_anew(context: FaultContext) -> None:
    """Busy or idle: every key is sent again, and every tombstone."""
    if busy := context.draw.random() < 0.5:
        await context.underway()
    else:
        await context.idle()
    context.do(f"make {'busy' if busy else 'idle'} rahnama.keys anew")
    await make_anew(context, context.servers.topic("keys"), create=context.draw.random() < 0.7)
    await context.more(10)


async def _has_grown_past(context: FaultContext, topic: str, before: Mapping[int, int]) -> bool:
    """Whether some partition ends beyond where it ended before; the relay has a while to fill it."""
    for _ in range(GROWTH_LOOKS):
        with contextlib.suppress(AssertionError, KafkaError):
            ends = await end_offsets(context.servers.bootstrap, topic)
            if any(end > before.get(partition, 0) > 0 for partition, end in ends.items()):
                return True
        await asyncio.sleep(GROWTH_LOOK_SECONDS)
    return False


async def delete_records(context: FaultContext, topic: str) -> None:
    """All that some of its partitions, or all of them, hold at this moment."""
    ends = await end_offsets(context.servers.bootstrap, topic)
    chosen = (
        sorted(ends) if context.draw.random() < 0.5 else context.draw.sample(sorted(ends), len(ends) // 2)
    )
    places = [TopicPartition(topic, partition) for partition in chosen]
    async with consumer_of(context.servers.bootstrap) as consumer:
        begins = await consumer.beginning_offsets(places)
    lost = sum(ends[place.partition] - begins[place] for place in places)
    context.witness(lost > 0, f"{topic} held no record in the partitions {chosen}")
    async with admin_of(context.servers.bootstrap) as admin:
        await admin.delete_records({place: RecordsToDelete(TO_THE_END) for place in places})


async def make_anew(context: FaultContext, topic: str, *, create: bool = True) -> None:
    """Deletes the topic, and creates it unless the relay shall."""
    held = sum((await end_offsets(context.servers.bootstrap, topic)).values())
    context.witness(held > 0, f"{topic} held no record when it was deleted")
    async with admin_of(context.servers.bootstrap) as admin:
        answer: Any = await admin.delete_topics([topic])
    refused = [code for _, code in answer.topic_error_codes if code]
    context.witness(not refused, f"Kafka did not delete {topic}: error {refused}")
    if create:
        await context.pause(0.0, 0.5)
        await ensure_topics(context.servers.bootstrap, partitions=PARTITIONS)
