"""The watch over the group itself: missing topics, foreign members, and partitions that no instance of ours consumes.

One look every 4 s, with a time-out. What it finds is an alarm at once, but for an unconsumed partition, which must be
seen by two looks: instances come and go, and the group is rebalanced then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.inbox.metrics import FOREIGN_MEMBERS, RECREATED, SKIPPED, TOPIC_MISSING, UNCONSUMED
from shared.kafka.clients import KafkaClients
from shared.kafka.group_members import GroupMemberSeen, describe_group
from shared.telemetry.metrics import Values

LOOK_EVERY_SECONDS: Final = 4.0
LOOK_SECONDS: Final = 5.0
MEMBERS_SHOWN: Final = 5

Recreate = Callable[[AIOKafkaAdminClient, str], Awaitable[bool]]
"""Creates a missing topic as it is at the first start; False if somebody else did."""

_log = structlog.get_logger("rahnama.inbox")


class GroupWatch:
    """`source` gives the word by which a topic is known. Without `recreate` a missing topic is waited for."""

    def __init__(
        self,
        kafka: KafkaClients,
        group: str,
        topics: Iterable[str],
        source: Callable[[str], str],
        recreate: Recreate | None = None,
    ) -> None:
        self._kafka = kafka
        self._group = group
        self._sources = {topic: source(topic) for topic in topics}
        self._recreate = recreate
        self._admin: AIOKafkaAdminClient | None = None
        self._missing: frozenset[str] = frozenset()
        self._foreign: Sequence[GroupMemberSeen] = ()
        self._suspected: frozenset[TopicPartition] = frozenset()
        self._unconsumed: frozenset[TopicPartition] = frozenset()

    def start(self) -> None:
        """Reports from now on."""
        FOREIGN_MEMBERS.watch(self.foreign_members)
        UNCONSUMED.watch(self.unconsumed)
        TOPIC_MISSING.watch(self.topics_missing)
        for source in self._sources.values():
            RECREATED.add(0, {"source": source})
            SKIPPED.add(0, {"source": source})

    async def stop(self) -> None:
        """Reports no more, and disconnects."""
        FOREIGN_MEMBERS.forget(self.foreign_members)
        UNCONSUMED.forget(self.unconsumed)
        TOPIC_MISSING.forget(self.topics_missing)
        await self._close()

    def problem(self) -> str | None:
        """What stops the work: a missing topic, or partitions that no instance of ours consumes."""
        if self._missing:
            return f"topic {', '.join(sorted(self._missing))} is missing"
        if self._unconsumed:
            numbers = ", ".join(
                f"{self._sources[place.topic]} {place.partition}" for place in sorted(self._unconsumed)
            )
            return f"no instance consumes the partitions {numbers}"
        return None

    def troubles(self) -> list[str]:
        """The foreign members, for a person to read."""
        return [
            f"consumer group {self._group} has a foreign member, client id {member.client_id!r} at"
            f" {member.client_host}, with {len(member.places)} partitions: stop that client"
            for member in self._foreign[:MEMBERS_SHOWN]
        ]

    def foreign_members(self) -> Values:
        """How many members of the group are not instances of this service."""
        return [(float(len(self._foreign)), {"group": self._group})]

    def unconsumed(self) -> Values:
        """How many partitions of each source no instance of this service consumes."""
        return [
            (float(sum(place.topic == topic for place in self._unconsumed)), {"source": source})
            for topic, source in self._sources.items()
        ]

    def topics_missing(self) -> Values:
        """1 for each source whose topic is missing, 0 for the others."""
        return [
            (float(topic in self._missing), {"source": source}) for topic, source in self._sources.items()
        ]

    async def step(self) -> None:
        """Waits, then looks. Kafka's faults pass: what was seen last stays, and the next look connects again."""
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._look()
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning("group_not_described", group=self._group, error=type(error).__name__)
            await self._close()

    async def _look(self) -> None:
        if self._admin is None:
            self._admin = await self._kafka.admin(request_timeout_ms=int(LOOK_SECONDS * 1000))
        # All topics are listed, because asking for one by name may create it on some brokers.
        there = {
            topic["topic"]: len(topic["partitions"])
            for topic in await self._admin.describe_topics()
            if topic["topic"] in self._sources
        }
        await self._see_missing(self._admin, frozenset(self._sources) - frozenset(there))
        members = await describe_group(self._admin, self._group)
        if members is not None:
            self.see_members(
                members,
                {TopicPartition(topic, number) for topic, count in there.items() for number in range(count)},
            )

    async def _see_missing(self, admin: AIOKafkaAdminClient, missing: frozenset[str]) -> None:
        for topic in sorted(missing - self._missing):
            _log.error("topic_missing", topic=topic, group=self._group)
        for topic in sorted(self._missing - missing):
            _log.info("topic_found", topic=topic, group=self._group)
        self._missing = missing
        if self._recreate is not None:
            for topic in sorted(missing):
                if await self._recreate(admin, topic):
                    RECREATED.add(1, {"source": self._sources[topic]})
                    _log.warning("topic_recreated", topic=topic)

    def see_members(self, members: Sequence[GroupMemberSeen], places: Collection[TopicPartition]) -> None:
        """Compares the members of the settled group with `places`, the partitions that must be consumed."""
        foreign = [member for member in members if member.client_id != self._group]
        for member in foreign:
            if member not in self._foreign:
                _log.error(
                    "foreign_member_found", group=self._group, client_id=member.client_id,
                    client_host=member.client_host, partitions=len(member.places),
                )  # fmt: skip
        if self._foreign and not foreign:
            _log.info("foreign_members_left", group=self._group)
        self._foreign = foreign
        ours = {place for member in members if member.client_id == self._group for place in member.places}
        suspected = frozenset(places) - ours
        unconsumed = suspected & self._suspected
        for place in sorted(unconsumed - self._unconsumed):
            _log.error("partition_unconsumed", source=self._sources[place.topic], partition=place.partition)
        if self._unconsumed and not unconsumed:
            _log.info("partitions_consumed_again", group=self._group)
        self._suspected, self._unconsumed = suspected, unconsumed

    async def _close(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()
