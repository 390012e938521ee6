"""A consumer that gives nothing any more, and says nothing of it, is noticed and made anew."""

from typing import TYPE_CHECKING

from tests.deadlines import until
from tests.integration.inbox.adder import Adder, chain, inbox, publish, reached, reading

if TYPE_CHECKING:
    from tests.servers import MakesTopics


async def test_a_consumer_whose_fetcher_has_ended_is_made_anew(adder: Adder, topics: "MakesTopics") -> None:
    """aiokafka logs an error that it does not expect, ends its fetcher, and lets whoever polls wait for ever."""
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(60)
    async with reading(inbox(adder, kafka.bootstrap, topic, stall_seconds=0.5)) as member:
        await publish(kafka.bootstrap, topic, events[:10])
        await reached(adder, {0: 10})
        first = member._subscription.consumer
        assert first is not None
        assert first._fetcher is not None
        fetching = first._fetcher._fetch_task
        assert fetching is not None
        fetching.cancel()
        for count in (20, 30, 40):  # a request that was on its way may still be answered
            await publish(kafka.bootstrap, topic, events[count - 10 : count])
            await reached(adder, {0: count}, seconds=60)
        assert member._subscription.consumer is not first
        await publish(kafka.bootstrap, topic, events[40:])
        await reached(adder, {0: 60})
        await until(lambda: member.ready() is None)
