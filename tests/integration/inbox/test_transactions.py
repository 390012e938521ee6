"""Topics to which a transactional client wrote: markers at the end are no lag, and hide no gap."""

import asyncio
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from tests.deadlines import until
from tests.integration.inbox.adder import Adder, chain, inbox, publish, reached, reading
from tests.integration.inbox.test_liveness import lag_of
from tests.integration.transactions import write_committed

if TYPE_CHECKING:
    from tests.servers import MakesTopics


async def test_markers_at_the_end_are_no_lag(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(6)
    with capture_logs() as logs:
        async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
            await publish(kafka.bootstrap, topic, events[:4])
            await write_committed(kafka.bootstrap, topic, events[4:])
            await reached(adder, {0: 6})
            await until(lambda: lag_of(member, [0, 1]) == [0.0, 0.0])
            await asyncio.sleep(5)  # the client would be made anew
            assert lag_of(member, [0, 1]) == [0.0, 0.0]
            assert member.ready() is None
    assert "consumer_is_deaf" not in {line["event"] for line in logs}


async def test_a_gap_before_markers_is_found(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(6)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:4])
        await reached(adder, {0: 4})
        await write_committed(kafka.bootstrap, topic, events[5:])
        await until(lambda: [held.code for held in member.held()] == ["GAP"], 30)
        await write_committed(kafka.bootstrap, topic, events[4:])
        await reached(adder, {0: 6}, 60)
        await until(lambda: not member.held() and lag_of(member, [0]) == [0.0])
