"""A poll of several partitions whose transaction fails again and again."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from services.intake.append.inbound import InboundPosition, InboundSlice
from services.intake.inbox.inbound_policy import InboundPartitionConsumer, InboundPolicy
from shared.errors import Unavailable
from shared.inbox.assigned_partition import AssignedPartition
from shared.inbox.assigned_partitions import AssignedPartitions
from shared.inbox.processing import TRIES_TOGETHER, Processing
from shared.inbox.topic_look import TopicLook

PLACES = [TopicPartition("rahnama.inbound", number) for number in (0, 1)]


class Standing:
    """A consumer that gives the same records again, wherever it is told to stand."""

    def highwater(self, place: TopicPartition) -> int:
        return 1

    def pause(self, place: TopicPartition) -> None:
        """Nothing is given before the next poll."""

    def resume(self, place: TopicPartition) -> None:
        """It is polled again anyway."""

    def __init__(self) -> None:
        self.sought: list[tuple[int, int]] = []

    def seek(self, place: TopicPartition, offset: int) -> None:
        """To the first record, where it stands."""
        self.sought.append((place.partition, offset))


class FromTheBeginning(InboundPolicy):
    """Intake's own rules over positions that stand at the first record."""

    async def open(self, place: TopicPartition, look: TopicLook) -> tuple[InboundPartitionConsumer, int]:
        return InboundPartitionConsumer(place.partition, InboundPosition(0, b""), 1, 5.0), 0


def a_poll() -> "list[ConsumerRecord[bytes, bytes]]":
    return [
        ConsumerRecord(topic, partition, 0, 0, 0, None, b"{}", None, 0, 2, ()) for topic, partition in PLACES
    ]


async def read(apply: Any, polls: int) -> list[list[AssignedPartition[InboundSlice]]]:
    """So many polls of the first record of both partitions; which of them were taken back by each."""
    consumer, admission = Standing(), FromTheBeginning(None, apply, look_seconds=5.0)  # type: ignore[arg-type]
    partitions: AssignedPartitions[InboundSlice] = AssignedPartitions(admission, None, lambda: consumer)  # type: ignore[arg-type, return-value]
    processing = Processing(admission, partitions, "group")
    partitions.assigned(PLACES)
    taken_back = []
    for _ in range(polls):
        for assigned in partitions:
            await processing.open(assigned)
        records = a_poll()
        partitions.drained(_by_place(records))
        await processing.batch(records)
        taken_back.append([assigned for assigned in partitions if assigned.due is not None])
        for assigned in partitions:
            partitions.release(assigned)
    return taken_back


def _by_place(records: "Sequence[ConsumerRecord[bytes, bytes]]") -> Mapping[TopicPartition, Any]:
    return {TopicPartition(record.topic, record.partition): [record] for record in records}


async def test_what_is_refused_for_long_makes_every_partition_wait_before_each_try() -> None:
    async def refuse(slices: Sequence[InboundSlice]) -> None:
        raise Unavailable("the gate is closed")

    taken_back = await read(refuse, polls=TRIES_TOGETHER + 4)
    assert [len(partitions) for partitions in taken_back] == [2] * len(taken_back)
    assert {assigned.failures for assigned in taken_back[-1]} == {len(taken_back)}


async def test_a_partition_goes_on_alone_while_another_is_refused() -> None:
    applied: list[int] = []

    async def refuse_the_first(slices: Sequence[InboundSlice]) -> None:
        if any(piece.partition == 0 for piece in slices):
            raise Unavailable("something of this partition")
        applied.extend(piece.partition for piece in slices)

    taken_back = await read(refuse_the_first, polls=TRIES_TOGETHER + 1)
    assert applied == [1]
    assert [assigned.place.partition for assigned in taken_back[-1]] == [0]


async def test_records_in_hand_of_a_partition_that_was_taken_back_meanwhile_are_read_again() -> None:
    """Its position was to be loaded again while a poll brought the records, and that failed."""
    applied: list[int] = []

    async def apply(slices: Sequence[InboundSlice]) -> None:
        applied.extend(piece.partition for piece in slices)

    consumer, admission = Standing(), FromTheBeginning(None, apply, look_seconds=5.0)  # type: ignore[arg-type]
    partitions: AssignedPartitions[InboundSlice] = AssignedPartitions(admission, None, lambda: consumer)  # type: ignore[arg-type, return-value]
    processing = Processing(admission, partitions, "group")
    partitions.assigned(PLACES)
    for assigned in partitions:
        await processing.open(assigned)
    for is_sought_since in (False, True):
        records = a_poll()
        partitions.drained(_by_place(records))
        first = next(iter(partitions))
        partitions.take_back(first, 7 if is_sought_since else None)
        consumer.sought.clear()
        await processing.batch(records)
        assert consumer.sought == ([] if is_sought_since else [(0, 0)])
    assert applied == [1, 1]
