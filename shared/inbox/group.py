"""The consumer group's member: FastStream subscriber, assignment, retries, hints and the watch over quiet topics.

One lock stands around everything that touches partition_consumers or seeks. Three parties take it: batches, the keeper (loads
partition_consumers, lets held partitions go again, commits hints) and the watch (is the topic further than we are?).
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared.errors import Gap
from shared.inbox.assigned_partition import AssignedPartition, HeldPartition, InboxPosition
from shared.inbox.assigned_partitions import AssignedPartitions
from shared.inbox.garbage import GarbagePacer
from shared.inbox.gauges import InboxGauges
from shared.inbox.group_watch import GroupWatch, Recreate
from shared.inbox.listener import Listener
from shared.inbox.processing import Processing
from shared.inbox.topic_look import TopicLook
from shared.inbox.topic_policy import RecordSlice, TopicPolicy
from shared.inbox.watch import TopicWatch
from shared.kafka.clients import KafkaClients, Records
from shared.kafka.ending import to_the_end
from shared.kafka.polling import Polling
from shared.runtime.tasks import Background, repeat
from shared.telemetry import Poll, current_poll

L = TypeVar("L", bound=RecordSlice)

HINT_SECONDS: Final = 1.0
REVOKE_SECONDS: Final = 10.0
LAST_HINTS_SECONDS: Final = 3.0
CONNECT_AGAIN_SECONDS: Final = 1.0

_log = structlog.get_logger("rahnama.inbox")


class GroupMember(Generic[L]):
    """Reads topics in a consumer group, by the rules of an `TopicPolicy`.

    `watch_seconds` is the time between two looks at the topics' ends.
    """

    def __init__(
        self,
        kafka: KafkaClients,
        group: str,
        topics: Iterable[str],
        admission: TopicPolicy[L],
        *,
        polling: Polling,
        watch_seconds: float = 1.0,
        pacer: GarbagePacer | None = None,
        recreate: Recreate | None = None,
    ) -> None:
        self._group = group
        self._admission = admission
        self._pacer = pacer
        self._lock = asyncio.Lock()
        self._background = Background()
        self._disconnected = asyncio.Event()
        self._assigned = False
        self._hinted = 0.0
        self._problem: str | None = "not started"
        self._look = TopicLook(kafka, read_committed=polling.read_committed)
        self._partitions: AssignedPartitions[L] = AssignedPartitions(
            admission, self._look, lambda: self._subscription.consumer
        )
        self._processing = Processing(admission, self._partitions, group)
        self._watch = TopicWatch(
            admission,
            self._partitions,
            self._look,
            self._lock,
            self._known_partitions,
            watch_seconds=watch_seconds,
        )
        self._gauges = InboxGauges(self._partitions, self._watch.elsewhere)
        self._topics = list(topics)
        self._group_watch = GroupWatch(kafka, group, self._topics, admission.source, recreate)
        self._subscription = kafka.subscription(
            group,
            self._topics,
            polling,
            handle=self._handle,
            reader=self,
            listener=Listener(self),
        )

    async def start(self) -> None:
        """Begins to read; returns at once, and waits for Kafka in the background."""
        self._problem = "Kafka was not reached yet"
        self._gauges.start()
        self._group_watch.start()
        self._disconnected.set()
        steps = (self._connect, self._keep, self._watch_topics, self._group_watch.step)
        self._background.start(*(repeat(step, "inbox_step_failed") for step in steps))

    async def stop(self) -> None:
        """Lets a batch that is being applied end, tells Kafka the hints and leaves the group. At most some 15 s."""
        self._problem = "stopped"
        self._gauges.stop()
        await to_the_end(self._end())

    async def _end(self) -> None:
        await self._background.end()
        try:
            async with asyncio.timeout(LAST_HINTS_SECONDS), self._lock:
                await self._partitions.commit_hints()
        except TimeoutError:
            _log.warning("inbox_stopped_late")
        try:
            await self._subscription.stop()
        finally:
            await self._look.close()
            await self._group_watch.stop()

    def ready(self) -> str | None:
        """None once the partitions are assigned, if any, and their positions loaded; else what is missing."""
        if self._problem is None and not self._background.runs:
            return "the inbox does not run"
        waits = None if self._assigned else "partitions are being assigned"
        return self._problem or waits or self._partitions.problem() or self._group_watch.problem()

    def held(self) -> list[HeldPartition]:
        """Every partition that cannot go on."""
        return self._partitions.held()

    def troubles(self) -> list[str]:
        """The same, for a person to read, positions beyond their topic, foreign members; of a fork both hashes."""
        held = [
            f"partition {held.partition} of {held.source} is held at sequence {held.sequence}: {held.reason}"
            for held in self.held()
        ]
        ahead = [
            trouble for assigned in self._partitions if (trouble := assigned.ahead_trouble()) is not None
        ]
        return held + ahead + self._group_watch.troubles()

    async def positions(self) -> list[InboxPosition]:
        """Every (source, partition), those of other instances too, as the database has them."""
        newest = self._watch.newest()
        return [
            InboxPosition(source, partition, applied, max(applied, newest.get((source, partition), 0)))
            for (source, partition), applied in sorted((await self._admission.applied()).items())
        ]

    async def _connect(self) -> None:
        """Waits until there is no client that works, and makes one."""
        await self._disconnected.wait()
        try:
            await self._subscription.stop()  # of the last one, or of the last try
            await self._subscription.start()
        except Exception as error:
            self._problem = f"Kafka cannot be reached ({type(error).__name__})"
            if not isinstance(error, KafkaError | OSError | TimeoutError):
                raise
            _log.warning("kafka_not_reached", error=type(error).__name__)
            await asyncio.sleep(CONNECT_AGAIN_SECONDS)
        else:
            self._problem = None
            self._disconnected.clear()

    async def _handle(self, records: Records) -> None:
        async with self._lock:
            await self._processing.batch(records)
        if self._pacer is not None:
            self._pacer.batch_done()

    def drained(self, found: Mapping[TopicPartition, Records]) -> None:
        """Records have left the consumer's buffer."""
        self._partitions.drained(found)

    def polled(self, asked_ns: int, got_ns: int) -> None:
        """The records that are handled next, in this task, came by this poll."""
        current_poll.set(Poll(self._group, asked_ns, got_ns))

    async def interrupted(self) -> None:
        """A poll failed: nothing that it took may be passed over."""
        async with self._lock:
            self._partitions.interrupted()

    async def unreadable(self, place: TopicPartition, error: Exception) -> None:
        """A record that aiokafka cannot take apart holds its partition, with an alarm, and no other."""
        async with self._lock:
            self._processing.unreadable(place, error)

    async def revoked(self) -> None:
        """The group is rearranged: a batch that is being applied may end, then nothing is ours."""
        self._assigned = False
        try:
            async with asyncio.timeout(REVOKE_SECONDS), self._lock:
                await self._partitions.commit_hints()
        except TimeoutError:
            _log.warning("revoked_during_a_batch")  # its positions are compared and set: it cannot do harm
        finally:
            self._partitions.forget()

    async def assigned(self, places: Iterable[TopicPartition]) -> None:
        """These partitions are ours now; their positions are loaded before anything of them is applied."""
        self._partitions.assigned(places)
        self._assigned = True

    async def _keep(self) -> None:
        await self._partitions.wait_for_change(HINT_SECONDS)
        async with self._lock:
            for assigned in self._partitions:
                if assigned.due is not None and assigned.due <= asyncio.get_running_loop().time():
                    await self._release(assigned)
                if assigned.consumer is None and assigned.due is None:
                    await self._processing.open(assigned)
        if asyncio.get_running_loop().time() - self._hinted >= HINT_SECONDS:
            self._hinted = asyncio.get_running_loop().time()
            await self._partitions.commit_hints()

    async def _watch_topics(self) -> None:
        await self._watch.step()
        if self._watch.stalled():
            # aiokafka ends its fetcher at an error that it does not expect, and says nothing to whoever polls
            _log.error("consumer_is_deaf", topics=self._topics)
            self._problem, self._assigned = "Kafka's client is made anew", False
            self._partitions.forget()
            self._disconnected.set()

    async def _release(self, assigned: AssignedPartition[L]) -> None:
        """A held partition is read again; after a gap from the topic's beginning, which may have been filled."""
        if isinstance(assigned.held, Gap):
            await self._processing.open(assigned)
            if assigned.consumer is None:
                return
            await self._partitions.search(assigned)
        self._partitions.release(assigned)

    def _known_partitions(self) -> set[TopicPartition]:
        consumer = self._subscription.consumer
        if consumer is None:
            return set()
        return {
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in consumer.partitions_for_topic(topic) or ()
        }
