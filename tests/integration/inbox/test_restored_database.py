"""A database that is set back to an older copy under a running inbox."""

from typing import TYPE_CHECKING

from shared.contracts.envelope import leaf_hash
from tests.integration.inbox.adder import Adder, chain, inbox, publish, reached, reading

if TYPE_CHECKING:
    from tests.servers import MakesTopics


async def test_a_database_that_is_set_back_while_nothing_comes_is_noticed_and_read_on(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(50)
    await publish(kafka.bootstrap, topic, events)
    async with reading(inbox(adder, kafka.bootstrap, topic)):
        await reached(adder, {0: 50})
        await adder.pool.execute(
            "update inbox set sequence = 20, hash = $1 where partition = 0", leaf_hash(events[19])
        )
        await adder.pool.execute("update totals set total = 210 where partition = 0")  # 1 + 2 + … + 20
        await reached(adder, {0: 50})
