"""FastStream as the inbox needs it: batches of raw records, at the cost of bare aiokafka.

Read in FastStream 0.7.8 and aiokafka 0.14, and relied upon here: the default batch parser builds a dict of headers
for each record and the default decoder a message (2.5 times the cost of the poll itself); a poll that found nothing
is followed by a sleep as long as the poll; an error of Kafka by 5 s; an exception in a handler is logged and the
next batch is fetched; an exception in a rebalance listener is logged and passed over. A consumer-only broker opens
nothing in `connect`, and builds its consumers by `builder` only then.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber
from faststream.message import StreamMessage

from shared.kafka.clients import Handle, Reader
from shared.kafka.closing_clients import Consumer
from shared.kafka.ending import to_the_end
from shared.kafka.poller import Poller
from shared.kafka.polling import Polling

METADATA_MAX_AGE_MILLISECONDS: Final = 2_000
MAX_POLL_INTERVAL_SECONDS: Final = 180
REBALANCE_SECONDS: Final = 15
"""So long the group waits for a member that still applies a batch. A dead one is missed after the session time-out."""
GRACEFUL_SECONDS: Final = 8.0


class GroupSubscription:
    """One batch subscriber over all topics, on a broker of its own that only consumes, creates and injects nothing."""

    def __init__(
        self,
        bootstrap: Sequence[str],
        group: str,
        topics: Sequence[str],
        polling: Polling,
        *,
        handle: Handle,
        reader: Reader,
        listener: ConsumerRebalanceListener,
    ) -> None:
        self._broker = KafkaBroker(
            list(bootstrap),
            client_id=group,
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_MAX_AGE_MILLISECONDS,
            graceful_timeout=GRACEFUL_SECONDS,
            apply_types=False,
            logger=None,
        )
        self._subscriber = _subscriber(self._broker, group, topics, polling, listener)
        poller = Poller(
            group, reader, records=polling.batch_records, wait_milliseconds=polling.wait_milliseconds
        )
        # An empty poll is followed by the next one at once, not by the sleep that FastStream's own `get_msg` makes.
        self._subscriber.get_msg = poller.poll  # type: ignore[method-assign]
        self._subscriber(handle)

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The group's member; None while there is none."""
        return self._subscriber.consumer

    async def start(self) -> None:
        """Joins the group."""
        await self._broker.connect()
        config = self._broker.config.broker_config
        config.builder = partial(Consumer, **config.builder.keywords)  # type: ignore[attr-defined]
        await self._broker.start()

    async def stop(self) -> None:
        """Lets the batch in hand end and leaves the group."""
        await to_the_end(self._end())

    async def _end(self) -> None:
        consumer = self._subscriber.consumer
        try:
            await self._broker.stop()
        finally:
            if consumer is not None:
                await consumer.stop()


def _subscriber(
    broker: KafkaBroker,
    group: str,
    topics: Sequence[str],
    polling: Polling,
    listener: ConsumerRebalanceListener,
) -> BatchSubscriber:
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
