"""How the rest of the code gets its clients of Kafka."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient

from shared.kafka.polling import Polling

Record = ConsumerRecord[bytes, bytes]
Records = Sequence[Record]
Found = Mapping[TopicPartition, Records]
Handle = Callable[[Records], Awaitable[None]]


class Reader(Protocol):
    """Who must know what became of a poll."""

    def drained(self, found: Found) -> None:
        """Records have left the consumer's buffer; called without a task switch."""

    def polled(self, asked_ns: int, got_ns: int) -> None:
        """The next batch was asked for and received then (nanoseconds since 1970); called in the handler's task."""

    async def interrupted(self) -> None:
        """A poll failed, and records that it had taken out may be lost: the consumer must stand where it stood."""

    async def unreadable(self, place: TopicPartition, error: Exception) -> None:
        """The next record of this partition cannot be taken apart."""


class Subscription(Protocol):
    """One member of a consumer group. It polls by itself and hands each poll's records to its `handle`."""

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """None until it is started and after its end."""

    async def start(self) -> None:
        """Joins the group. Raises what aiokafka raises; after `stop` it may be tried again."""

    async def stop(self) -> None:
        """Lets the batch in hand end, for at most 8 s, and leaves the group; bounded, and done once it returns
        or raises, a cancellation included."""


class KafkaClients(Protocol):
    """Opens clients. What it returns is started, and the caller's to `stop` (an admin: to `close`).

    All raise `KafkaError`, `OSError` or `TimeoutError`. If they raise, or are cancelled, nothing stays open.
    """

    async def producer(self, **options: Any) -> AIOKafkaProducer:
        """For one writer; `options` are aiokafka's. Its `stop` does not wait for what was not acknowledged."""

    async def consumer(self, **options: Any) -> AIOKafkaConsumer:
        """Without a group and without topics; nothing of it is ever committed."""

    async def admin(self, **options: Any) -> AIOKafkaAdminClient:
        """For topics."""

    def subscription(
        self,
        group: str,
        topics: Sequence[str],
        polling: Polling,
        *,
        handle: Handle,
        reader: Reader,
        listener: ConsumerRebalanceListener,
    ) -> Subscription:
        """A member of `group` over all `topics`; not yet started."""
