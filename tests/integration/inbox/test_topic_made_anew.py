"""A topic is deleted, wiped, refilled or regrown under a running inbox: the result is the same."""

import asyncio
from typing import TYPE_CHECKING

from tests.integration.inbox.adder import Adder, chain, inbox, publish, reached, reading
from tests.integration.inbox.topic_faults import delete_before, make_anew

if TYPE_CHECKING:
    from tests.servers import MakesTopics


async def test_a_topic_that_was_wiped_and_filled_again_goes_on(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(150)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:100])
        await reached(adder, {0: 100})
        await make_anew(kafka.bootstrap, topic, 2)
        await publish(kafka.bootstrap, topic, events[:60])
        await asyncio.sleep(1)
        await publish(kafka.bootstrap, topic, events[60:])
        await reached(adder, {0: 150}, seconds=20)
        assert member.held() == []


async def test_a_refilled_topic_that_ends_at_the_old_offset_is_noticed(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(120)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:50] + events[20:50] + events[10:50])
        await reached(adder, {0: 50})
        await make_anew(kafka.bootstrap, topic, 2)
        await publish(kafka.bootstrap, topic, events)  # as many records as the consumer has read
        await reached(adder, {0: 120}, seconds=20)
        assert member.held() == []


async def test_a_topic_that_regrew_past_the_position_is_read_from_its_beginning(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(300)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:50])
        await reached(adder, {0: 50})
        await make_anew(kafka.bootstrap, topic, 2)
        await publish(kafka.bootstrap, topic, [events[0]] * 40 + events[20:250] + events)
        await reached(adder, {0: 300}, seconds=20)
        assert member.held() == []


async def test_records_that_were_deleted_and_published_again_change_nothing(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(100)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:40] + events[70:75])
        await reached(adder, {0: 40})
        await delete_before(kafka.bootstrap, topic, 45)
        await publish(kafka.bootstrap, topic, events)
        await reached(adder, {0: 100}, seconds=20)
        assert member.held() == []
