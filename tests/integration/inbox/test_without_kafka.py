"""An inbox that no broker answers."""

from infra.local.ports import free_ports
from tests.deadlines import expected_within, until
from tests.integration.inbox.adder import Adder, inbox


async def test_without_kafka_it_says_why_it_is_not_ready_and_stops_at_once(adder: Adder) -> None:
    [port] = free_ports(1)
    member = inbox(adder, f"127.0.0.1:{port}", "rahnama.intake")
    await member.start()
    await until(lambda: "Kafka cannot be reached" in (member.ready() or ""))
    async with expected_within(3, "the stop"):
        await member.stop()
