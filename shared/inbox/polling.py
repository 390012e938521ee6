"""FastStream as this inbox needs it: batches of raw records, at the cost of bare aiokafka.

Read in FastStream 0.7.8 and aiokafka 0.14, and relied upon here: the default batch parser builds a dict of headers
for each record and the default decoder a message (2.5 times the cost of the poll itself); a poll that found nothing
is followed by a sleep as long as the poll; an error of Kafka by 5 s; an exception in a handler is logged and the
next batch is fetched; an exception in a rebalance listener is logged and passed over.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber
from faststream.message import StreamMessage

from shared.inbox.admission import Records
from shared.inbox.header_names import read_any_header_name
from shared.inbox.poller import Poller, Reader

METADATA_MAX_AGE_MILLISECONDS: Final = 2_000
MAX_POLL_INTERVAL_SECONDS: Final = 180
REBALANCE_SECONDS: Final = 15
"""So long the group waits for a member that still applies a batch. A dead one is missed after the session time-out."""
GRACEFUL_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Polling:
    """How a consumer group polls. `batch_records` bounds a poll, and so a transaction."""

    batch_records: int = 2000
    poll_seconds: float = 0.2
    session_timeout_seconds: float = 6.0
    read_committed: bool = False

    @property
    def wait_milliseconds(self) -> int:
        """The longest wait of one poll."""
        return max(1, int(self.poll_seconds * 1000))


def inbox_broker(bootstrap: str, *, client_id: str) -> KafkaBroker:
    """A broker that only consumes, creates nothing and injects nothing. One for each inbox."""
    read_any_header_name()
    return KafkaBroker(
        bootstrap.split(","),
        client_id=client_id,
        consumer_only=True,
        allow_auto_create_topics=False,
        metadata_max_age_ms=METADATA_MAX_AGE_MILLISECONDS,
        graceful_timeout=GRACEFUL_SECONDS,
        apply_types=False,
        logger=None,
    )


def subscribe(
    broker: KafkaBroker,
    group: str,
    topics: Sequence[str],
    polling: Polling,
    *,
    handle: Callable[[Records], Awaitable[None]],
    reader: Reader,
    listener: ConsumerRebalanceListener,
) -> BatchSubscriber:
    """One batch subscriber over all `topics`."""
    session_milliseconds = int(polling.session_timeout_seconds * 1000)
    subscriber = broker.subscriber(
        *topics,
        group_id=group,
        batch=True,
        max_records=polling.batch_records,
        batch_timeout_ms=polling.wait_milliseconds,
        fetch_max_wait_ms=min(500, max(100, polling.wait_milliseconds)),
        session_timeout_ms=session_milliseconds,
        heartbeat_interval_ms=session_milliseconds // 3,
        rebalance_timeout_ms=max(session_milliseconds, REBALANCE_SECONDS * 1000),
        max_poll_interval_ms=MAX_POLL_INTERVAL_SECONDS * 1000,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if polling.read_committed else "read_uncommitted",
        ack_policy=AckPolicy.MANUAL,
        listener=listener,
        parser=_light_parser,
        decoder=_raw_records,
    )
    if not isinstance(subscriber, BatchSubscriber):
        raise TypeError("FastStream made no batch subscriber")

    # An empty poll is followed by the next one at once, not by the sleep that FastStream's own `get_msg` makes.
    poller = Poller(group, reader, records=polling.batch_records, wait_milliseconds=polling.wait_milliseconds)
    subscriber.get_msg = poller.poll  # type: ignore[method-assign]
    subscriber(handle)
    return subscriber


async def _light_parser(records: tuple[Any, ...]) -> KafkaMessage:
    return KafkaMessage(body=b"", raw_message=records, consumer=_NoConsumer())


async def _raw_records(message: StreamMessage[Any]) -> Any:
    return message.raw_message


class _NoConsumer:
    """FastStream's messages can acknowledge themselves; these never do."""

    async def commit(self) -> None:
        raise RuntimeError("offsets are committed by the inbox, after its own commit")

    def seek(self, partition: Any, offset: int) -> None:
        raise RuntimeError("positions are sought by the inbox alone")
