"""A transactional client writes to a log's topic: its markers neither stop the relay nor hide what it wrote."""

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from structlog.testing import capture_logs

from tests.deadlines import until
from tests.integration.relay.harness import RelayHarness, until_published
from tests.integration.relay.test_foreign_records import alarms
from tests.integration.transactions import transaction, write_committed


async def test_a_relay_goes_on_behind_markers(harness: RelayHarness) -> None:
    with capture_logs() as logs:
        async with harness.running() as relay:
            committed = await harness.append(3, relay=relay)
            await until_published(relay, 3)
            await write_committed(harness.bootstrap, harness.topic, [event.value for event in committed])
            committed += await harness.append(2, relay=relay)
            await harness.append(2, partition=1, relay=relay)
            await until_published(relay, 5)
            await until_published(relay, 2, partition=1)
            await write_committed(harness.bootstrap, harness.topic, [committed[-1].value])
        async with harness.running() as relay:  # a topic that ends with a marker
            await until(lambda: relay.ready() is None)
            await harness.append(1, relay=relay)
            await until_published(relay, 6)
            assert relay.ready() is None
    assert alarms(logs) == []
    assert "relay_restarts" not in {line["event"] for line in logs}


async def test_a_topic_of_markers_alone_is_empty(harness: RelayHarness) -> None:
    async with transaction(harness.bootstrap, harness.topic, []) as producer:
        await producer.send_and_wait(harness.topic, b"", partition=0)
        await producer.abort_transaction()
    async with harness.admin() as admin:
        await admin.delete_records({TopicPartition(harness.topic, 0): RecordsToDelete(1)})
    assert await harness.extent() == (1, 2)
    async with harness.running() as relay:
        await harness.append(2, relay=relay)
        await until_published(relay, 2)
        await until(lambda: relay.ready() is None)


async def test_a_foreign_record_in_a_transaction_is_an_alarm_even_if_it_is_aborted(
    harness: RelayHarness,
) -> None:
    async with harness.running() as relay:
        await harness.append(3, relay=relay)
        await until_published(relay, 3)
        async with transaction(harness.bootstrap, harness.topic, [b"garbage"]) as producer:
            await until(lambda: "offset 3 holds a record that is no event" in (relay.ready() or ""))
            await producer.abort_transaction()
        await harness.append(1, relay=relay)
        await until_published(relay, 4)
        assert relay.ready() is not None
