"""aiokafka's producer, consumer and admin client, which leave nothing open: not after a start that failed, timed out
or was cancelled, and not after an end that was.

Read in aiokafka 0.14, and relied upon here: each one builds its `AIOKafkaClient` itself and opens nothing before its
`start`; a consumer's coordinator waits in `close` for answers of the broker, as long as a request may take.
"""

import asyncio
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from shared.kafka.connections import owning
from shared.kafka.ending import to_the_end

SENDER_SECONDS: Final = 1.0
LEAVE_SECONDS: Final = 3.0
"""For a consumer to leave its group; then the group misses it by its session time-out."""

_log = structlog.get_logger("rahnama.kafka")


class Producer(AIOKafkaProducer):
    """A producer whose `stop` does not wait for what was not acknowledged."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        owning(self.client)

    async def start(self) -> None:
        """Connects."""
        try:
            await super().start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends it at once.

        `AIOKafkaProducer.stop` flushes, and an idempotent one never gives a batch up: with Kafka gone it would wait
        for ever, or write the batch after its successor has gone on. So its sender is cancelled.
        """
        if not self._closed:
            self._closed = True
            await to_the_end(self._end())

    async def _end(self) -> None:
        sender = self._sender.sender_task
        if sender is not None:
            sender.cancel()
            await asyncio.wait({sender}, timeout=SENDER_SECONDS)
        await self.client.close()
        if sender is not None and not sender.done():
            sender.cancel()  # it waits for an answer that can no longer come
            await asyncio.wait({sender}, timeout=SENDER_SECONDS)


class Consumer(AIOKafkaConsumer):
    """A consumer, with or without a group."""

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, **options)
        owning(self._client)

    async def start(self) -> None:
        """Connects, and joins the group if there is one."""
        try:
            await super().start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Leaves the group, if its coordinator answers in time, and ends."""
        if not self._closed:
            await to_the_end(self._end())

    async def _end(self) -> None:
        leaving = asyncio.create_task(super().stop())
        await asyncio.wait({leaving}, timeout=LEAVE_SECONDS)
        if leaving.done() and not leaving.cancelled() and leaving.exception() is None:
            return
        _log.warning("kafka_group_not_left")
        await self._client.close()  # whatever still waits for an answer of the broker ends by it
        tasks = {leaving, *self._tasks()}
        for task in tasks:
            task.cancel()
        done, _ = await asyncio.wait(tasks, timeout=LEAVE_SECONDS)
        for task in done:
            if not task.cancelled():
                task.exception()  # seen: nobody else will ask for it

    def _tasks(self) -> list["asyncio.Task[Any]"]:
        """Those that aiokafka's own end may not have come to."""
        coordinator, fetcher = self._coordinator, self._fetcher
        names = ("_coordination_task", "_heartbeat_task", "_commit_refresh_task", "_reset_committed_task")
        found = [getattr(coordinator, name, None) for name in names]
        found.append(getattr(fetcher, "_fetch_task", None))
        return [task for task in found if task is not None]


class Admin(AIOKafkaAdminClient):
    """A client for topics."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        owning(self._client)

    async def start(self) -> None:
        """Connects."""
        try:
            await super().start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Ends it."""
        if not self._closed:
            self._closed = True
            await to_the_end(self._client.close())
