"""The clients of a real Kafka."""

from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRebalanceListener

from shared.kafka.clients import Handle, Reader
from shared.kafka.closing_clients import Admin, Consumer, Producer
from shared.kafka.group_subscription import GroupSubscription
from shared.kafka.header_names import read_any_header_name
from shared.kafka.polling import Polling


class AioKafkaClients:
    """`KafkaClients` over aiokafka, and over FastStream for consumer groups.

    `bootstrap` is `host:port` of one broker or, comma separated, of several. `client_id` names the clients to the broker,
    whose quotas go by it; a subscription is named after its group.
    """

    def __init__(self, bootstrap: str, client_id: str | None = None) -> None:
        self._bootstrap = bootstrap.split(",")
        self._named = {} if client_id is None else {"client_id": client_id}
        read_any_header_name()

    async def producer(self, **options: Any) -> Producer:
        """A started producer."""
        producer = Producer(bootstrap_servers=self._bootstrap, **self._named, **options)
        await producer.start()
        return producer

    async def consumer(self, **options: Any) -> Consumer:
        """A started consumer without a group."""
        consumer = Consumer(
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            **self._named,
            **options,
        )
        await consumer.start()
        return consumer

    async def admin(self, **options: Any) -> Admin:
        """A started admin client."""
        admin = Admin(bootstrap_servers=self._bootstrap, **self._named, **options)
        await admin.start()
        return admin

    def subscription(
        self,
        group: str,
        topics: Sequence[str],
        polling: Polling,
        *,
        handle: Handle,
        reader: Reader,
        listener: ConsumerRebalanceListener,
    ) -> GroupSubscription:
        """A member of `group` that joins when it is started."""
        return GroupSubscription(
            self._bootstrap, group, topics, polling, handle=handle, reader=reader, listener=listener
        )
