"""LogInbox on real servers: whatever the topic does, each event is applied once, in order."""

from typing import TYPE_CHECKING

from tests.integration.inbox.adder import Adder, chain, inbox, publish, reached, reading

if TYPE_CHECKING:
    from tests.servers import MakesTopics


async def test_events_that_come_again_are_applied_once(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(300)
    await publish(kafka.bootstrap, topic, events[:200])
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await reached(adder, {0: 200})
        await publish(kafka.bootstrap, topic, events[50:250])
        await publish(kafka.bootstrap, topic, events)
        await publish(kafka.bootstrap, topic, chain(40, partition=1), partition=1)
        await reached(adder, {0: 300, 1: 40})
        positions = {item.partition: (item.applied, item.newest) for item in await member.positions()}
        assert positions[0] == (300, 300)
        assert positions[1] == (40, 40)
        assert positions[2] == (0, 0)
        assert member.held() == []
