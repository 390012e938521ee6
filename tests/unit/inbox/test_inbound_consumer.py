"""TopicPolicy on rahnama.inbound: everything is accepted; digests distinguish a new topic from the old one."""

from aiokafka import ConsumerRecord
from structlog.testing import capture_logs

from services.intake.append.inbound import InboundPosition, record_digest
from services.intake.inbox.inbound_policy import InboundPartitionConsumer
from shared.inbox.topic_policy import Ends


def record(offset: int, value: bytes | None) -> "ConsumerRecord[bytes, bytes]":
    return ConsumerRecord("t", 0, offset, 1, 0, None, value, None, 0, 0, ())


def consumer_at(next_offset: int, value: bytes) -> InboundPartitionConsumer:
    return InboundPartitionConsumer(
        0, InboundPosition(next_offset, record_digest(value, ())), next_offset, look_seconds=0
    )


async def test_whatever_comes_is_accepted_and_a_slice_builds_on_the_position_of_the_database() -> None:
    partition_consumer = consumer_at(5, b"e")
    admitted = partition_consumer.admit([record(5, None), record(9, b"\xff")], 12)
    assert admitted.fault is None
    assert admitted.slice is not None
    assert [item.value for item in admitted.slice.records] == [b"", b"\xff"]
    assert admitted.slice.expected.next_offset == 5
    assert admitted.slice.reached == InboundPosition(10, record_digest(b"\xff", ()))
    partition_consumer.applied_slice(admitted.slice)
    assert (partition_consumer.applied, partition_consumer.newest) == (10, 12)


async def test_another_record_before_the_position_means_the_topic_was_made_anew() -> None:
    partition_consumer = consumer_at(5, b"e")
    assert partition_consumer.look_at(Ends(0, 9, 0)) == 4
    assert not partition_consumer.looked(Ends(0, 9, 0), record(4, b"e"))
    assert partition_consumer.looked(Ends(0, 9, 0), record(4, b"other"))


async def test_an_end_before_the_position_means_the_topic_was_made_anew() -> None:
    partition_consumer = consumer_at(5, b"e")
    assert partition_consumer.looked(Ends(0, 4, 0), None)
    partition_consumer.search()
    assert not partition_consumer.looked(Ends(0, 4, 0), None)  # it is being read from its beginning already
    admitted = partition_consumer.admit([record(0, b"a"), record(1, b"b")], 4)
    assert admitted.slice is not None
    assert (admitted.slice.expected.next_offset, admitted.slice.reached.next_offset) == (5, 2)
    partition_consumer.applied_slice(admitted.slice)
    assert not partition_consumer.looked(Ends(0, 4, 0), None)


async def test_a_topic_that_regrew_past_the_position_is_told_by_the_position_compared_last() -> None:
    partition_consumer = consumer_at(5, b"e")
    admitted = partition_consumer.admit([record(5, b"new topic"), record(6, b"new topic")], 7)
    assert admitted.slice is not None
    partition_consumer.applied_slice(admitted.slice)
    assert partition_consumer.look_at(Ends(0, 7, 0)) == 4
    assert partition_consumer.looked(Ends(0, 7, 0), record(4, b"new topic"))


async def test_a_record_that_retention_deleted_is_not_looked_for() -> None:
    assert consumer_at(5, b"e").look_at(Ends(5, 9, 0)) is None


async def test_records_that_were_deleted_before_they_were_applied_are_an_alarm_once() -> None:
    partition_consumer = consumer_at(5, b"e")
    with capture_logs() as logs:
        partition_consumer.looked(Ends(8, 9, 0), None)
        partition_consumer.looked(Ends(8, 9, 0), None)
        partition_consumer.admit([record(8, b"x")], 9)
        partition_consumer.looked(Ends(8, 9, 0), None)
    assert [(line["event"], line["position"], line["begin"]) for line in logs] == [
        ("inbound_deleted_unread", 5, 8)
    ]


async def test_records_that_a_reader_has_passed_over_already_are_an_alarm_too() -> None:
    partition_consumer = consumer_at(5, b"e")
    admitted = partition_consumer.admit([record(8, b"x")], 9)
    assert admitted.slice is not None
    partition_consumer.applied_slice(admitted.slice)
    with capture_logs() as logs:
        partition_consumer.looked(Ends(8, 9, 0), None)
    assert [(line["position"], line["begin"]) for line in logs] == [(5, 8)]


async def test_offsets_that_transactions_use_are_no_alarm() -> None:
    partition_consumer = consumer_at(5, b"e")
    admitted = partition_consumer.admit(
        [record(7, b"x")], 9
    )  # 5 and 6 are markers, and the topic still has them
    assert admitted.slice is not None
    partition_consumer.applied_slice(admitted.slice)
    with capture_logs() as logs:
        partition_consumer.looked(Ends(2, 9, 0), None)
        partition_consumer.looked(Ends(8, 9, 0), None)  # the retention deletes what was applied
    assert logs == []
