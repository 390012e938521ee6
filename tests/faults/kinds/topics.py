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
from tests.faults.bed import PARTITIONS
from tests.faults.ground import Ground
from tests.invariants.reading import admin_of, consumer_of, end_offsets, read_topic

TO_THE_END: Final = -1
GROWTH_LOOKS: Final = 40
GROWTH_LOOK_SECONDS: Final = 0.25


async def old_records_come_again(ground: Ground) -> None:
    """Repeats and stale records of a log are mixed into its topic, the last one too."""
    source = ground.draw.choice(LOGS)
    await ground.underway()
    topic = await read_topic(ground.servers, source)
    count = 0
    for _ in range(ground.draw.randint(2, 5) if topic else 0):
        partition = ground.draw.choice(sorted(topic))
        values = topic[partition]
        start = ground.draw.randrange(len(values))
        stale = values[start : start + ground.draw.randint(1, 15)]
        ground.draw.choice((list.reverse, list.sort, lambda _: None))(stale)
        await ground.senders.produce(
            [(value, None, None) for value in stale], ground.servers.topic(source), partition
        )
        count += len(stale)
        await ground.pause(0.0, 0.4)
    ground.witness(count > 0, f"rahnama.{source} had no record to repeat")
    ground.do(f"{count} old records again on rahnama.{source}")


async def a_busy_topic_loses_its_records(ground: Ground) -> None:
    """Up to where it is, in some partitions or in all; its offsets go on."""
    source = ground.draw.choice(LOGS)
    await ground.underway()
    ground.do(f"delete the records of rahnama.{source}")
    await delete_records(ground, ground.servers.topic(source))


async def an_idle_topic_loses_its_records(ground: Ground) -> None:
    """Nobody writes: who notices it is the look."""
    source = ground.draw.choice(LOGS)
    await ground.idle()
    ground.do(f"delete the records of idle rahnama.{source}")
    await delete_records(ground, ground.servers.topic(source))
    await ground.pause(0.0, 2.0)
    await ground.more(5)


async def a_busy_topic_is_made_anew(ground: Ground) -> None:
    """Deleted and created under the load."""
    source = ground.draw.choice(LOGS)
    await ground.underway()
    ground.do(f"make rahnama.{source} anew")
    await make_anew(ground, ground.servers.topic(source))


async def an_idle_topic_is_made_anew(ground: Ground) -> None:
    """Deleted and created, or only deleted, when nothing is on its way."""
    source = ground.draw.choice(LOGS)
    await ground.idle()
    create = ground.draw.random() < 0.7
    ground.do(f"{'make anew' if create else 'delete'} idle rahnama.{source}")
    await make_anew(ground, ground.servers.topic(source), create=create)
    await ground.pause(0.0, 2.0)
    await ground.more(5)


async def a_topic_grows_again_past_a_consumers_position(ground: Ground) -> None:
    """While the consumer is stopped the topic is made anew, filled, and goes on beyond where the consumer was."""
    source, consumer = ground.draw.choice(
        (("intake", "allocation"), ("intake", "audit"), ("allocation", "audit"))
    )
    await ground.idle()
    by_kill = ground.draw.random() < 0.5
    ground.do(f"{'SIGKILL' if by_kill else 'SIGSTOP'} {consumer}, make rahnama.{source} anew, let it grow")
    if by_kill:
        await ground.bed.kill(consumer)
    else:
        ground.bed.signal(consumer, signal.SIGSTOP)
    before = await end_offsets(ground.servers.bootstrap, ground.servers.topic(source))
    await make_anew(ground, ground.servers.topic(source))
    await ground.more(25)
    await ground.pause(0.5, 2.5)
    grown = await _has_grown_past(ground, ground.servers.topic(source), before)
    ground.witness(grown, f"the new rahnama.{source} was not longer than the old one in any partition")
    if by_kill:
        await ground.bed.start(consumer)
    else:
        ground.bed.signal(consumer, signal.SIGCONT)


async def the_inbound_topic_is_made_anew(ground: Ground) -> None:
    """Busy or idle. What was acknowledged and not yet applied is lost; upstream, never answered, sends it again."""
    if busy := ground.draw.random() < 0.5:
        await ground.underway()
    else:
        await ground.idle()
    ground.do(f"make {'busy' if busy else 'idle'} rahnama.inbound anew")
    ground.stage.inbound_made_anew += 1
    await make_anew(ground, ground.servers.topic("inbound"))
    await ground.more(10)
    for lane in ground.lanes:
        ground.senders.sent.forget_order(step.event for step in lane)


async def the_keys_topic_is_made_anew(ground: Ground) -> None:
    """Busy or idle: every key is sent again, and every tombstone."""
    if busy := ground.draw.random() < 0.5:
        await ground.underway()
    else:
        await ground.idle()
    ground.do(f"make {'busy' if busy else 'idle'} rahnama.keys anew")
    await make_anew(ground, ground.servers.topic("keys"), create=ground.draw.random() < 0.7)
    await ground.more(10)


async def _has_grown_past(ground: Ground, topic: str, before: Mapping[int, int]) -> bool:
    """Whether some partition ends beyond where it ended before; the relay has a while to fill it."""
    for _ in range(GROWTH_LOOKS):
        with contextlib.suppress(AssertionError, KafkaError):
            ends = await end_offsets(ground.servers.bootstrap, topic)
            if any(end > before.get(partition, 0) > 0 for partition, end in ends.items()):
                return True
        await asyncio.sleep(GROWTH_LOOK_SECONDS)
    return False


async def delete_records(ground: Ground, topic: str) -> None:
    """All that some of its partitions, or all of them, hold at this moment."""
    ends = await end_offsets(ground.servers.bootstrap, topic)
    chosen = sorted(ends) if ground.draw.random() < 0.5 else ground.draw.sample(sorted(ends), len(ends) // 2)
    places = [TopicPartition(topic, partition) for partition in chosen]
    async with consumer_of(ground.servers.bootstrap) as consumer:
        begins = await consumer.beginning_offsets(places)
    lost = sum(ends[place.partition] - begins[place] for place in places)
    ground.witness(lost > 0, f"{topic} held no record in the partitions {chosen}")
    async with admin_of(ground.servers.bootstrap) as admin:
        await admin.delete_records({place: RecordsToDelete(TO_THE_END) for place in places})


async def make_anew(ground: Ground, topic: str, *, create: bool = True) -> None:
    """Deletes the topic, and creates it unless the relay shall."""
    held = sum((await end_offsets(ground.servers.bootstrap, topic)).values())
    ground.witness(held > 0, f"{topic} held no record when it was deleted")
    async with admin_of(ground.servers.bootstrap) as admin:
        answer: Any = await admin.delete_topics([topic])
    refused = [code for _, code in answer.topic_error_codes if code]
    ground.witness(not refused, f"Kafka did not delete {topic}: error {refused}")
    if create:
        await ground.pause(0.0, 0.5)
        await ensure_topics(ground.servers.bootstrap, partitions=PARTITIONS)
