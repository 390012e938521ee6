"""What the service will read again of `rahnama.inbound` after its start, with the rejections that belong to it."""

from collections.abc import Iterator, Mapping
from typing import Final

from aiokafka import TopicPartition

from services.intake.append.inbound import InboundPosition, InboundRecord
from services.intake.crypto.sealing import Keyring
from services.intake.inbox.receive import receiver_of
from services.intake.recover.inbound import Seen, seen
from services.intake.recover.rejections import LostRejection, Place
from services.intake.settings import Settings
from shared.kafka.clients import Records
from shared.recover.reading import TopicReader

INBOUND: Final = "inbound"


async def read_again(
    inbound: TopicReader,
    settings: Settings,
    keyring: Keyring,
    partition: int,
    position: InboundPosition,
    students: Mapping[bytes, str],
    refused: Mapping[Place, LostRejection],
) -> list[Seen]:
    """The records behind the restored position; each rejection in `refused` is given its arrival."""
    topic = settings.topic(INBOUND)
    receiver = receiver_of(settings, keyring)
    begin, end = await inbound.extent(topic, partition)
    if await _is_made_anew(inbound, TopicPartition(topic, partition), position):
        start = begin
    else:
        start = max(begin, position.next_offset)
    found: list[Seen] = []
    async for records in inbound.batches(topic, partition, start, end):
        for record in _opened(records):
            for arrival in receiver.from_kafka(partition, record):
                rejection = refused.get((partition, record.offset, arrival.causation_id))
                if rejection is not None:
                    rejection.arrival = arrival
                one = seen(arrival, record.timestamp_ms, students)
                if one is not None:
                    found.append(one)
    return found


def _opened(records: Records) -> Iterator[InboundRecord]:
    for record in records:
        yield InboundRecord(record.offset, record.timestamp, record.value or b"", record.headers)


async def _is_made_anew(inbound: TopicReader, place: TopicPartition, position: InboundPosition) -> bool:
    """Whether the topic is another one than that in which the position was reached: it is read from its beginning."""
    begin, end = await inbound.extent(place.topic, place.partition)
    last = position.next_offset - 1
    if end <= last:
        return True
    if not begin <= last:
        return False
    async for records in inbound.batches(place.topic, place.partition, last, last + 1):
        return next(_opened(records)).digest != position.digest
    return False
