"""A consumer group as its coordinator keeps it: members, generations, assignments and committed offsets."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, UnknownMemberIdError

from tests.simulation.sessions import SERVER

if TYPE_CHECKING:
    from tests.simulation.broker import Broker

REBALANCE_SECONDS: Final = 4.0

Assignment = tuple[int, frozenset[TopicPartition]]
"""Generation and partitions."""


@dataclass(eq=False)
class Member:
    """One member; `joining` is what it waits for while the group is arranged anew."""

    number: int
    topics: Sequence[str]
    session_seconds: float
    heard_at: float
    client_id: str = ""
    joining: "asyncio.Future[Assignment] | None" = None
    places: frozenset[TopicPartition] = field(default_factory=frozenset)


class Group:
    """Arranged anew whenever a member comes, goes, or is not heard of."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._members: dict[int, Member] = {}
        self._numbers = 0
        self._round = 0
        self.generation = 0
        self.arranging = False
        self.arranged: dict[str, int] = {}
        """How many partitions each topic had when the group was arranged."""
        self.offsets: dict[TopicPartition, int] = {}

    def join(
        self, number: int | None, topics: Sequence[str], session_seconds: float, client_id: str = ""
    ) -> "tuple[int, asyncio.Future[Assignment]]":
        """The member's number, and its assignment when everyone has joined."""
        loop = self._broker.loop
        member = self._members.get(number) if number is not None else None
        if member is None:
            self._numbers += 1
            member = self._members[self._numbers] = Member(
                self._numbers, topics, session_seconds, loop.time(), client_id
            )
            loop.call_later(session_seconds, self._expire, member, context=SERVER)
        member.heard_at = loop.time()
        joining: asyncio.Future[Assignment] = loop.create_future()
        member.joining = joining
        self.rearrange()
        self._complete()
        return member.number, joining

    def described(self) -> tuple[str, list[Member]]:
        """The state, as Kafka names it, and the members."""
        state = "PreparingRebalance" if self.arranging else "Stable" if self._members else "Empty"
        return state, list(self._members.values())

    def leave(self, number: int) -> None:
        """A member goes."""
        if self._members.pop(number, None) is not None:
            self.rearrange()
            self._complete()

    def heartbeat(self, number: int, generation: int) -> None:
        """Raises what tells a member to join again."""
        member = self._members.get(number)
        if member is None:
            raise UnknownMemberIdError
        member.heard_at = self._broker.loop.time()
        if self.arranging or generation != self.generation:
            raise IllegalGenerationError

    def commit(self, number: int, generation: int, offsets: Mapping[TopicPartition, int]) -> None:
        """Keeps offsets. Raises `CommitFailedError` for who is a member no more."""
        if number not in self._members or generation != self.generation or self.arranging:
            raise CommitFailedError
        self.offsets.update(offsets)

    def forget(self, topic: str) -> None:
        """The topic was deleted."""
        self.offsets = {place: offset for place, offset in self.offsets.items() if place.topic != topic}

    def rearrange(self) -> None:
        """Everyone is to join again."""
        if self.arranging or not self._members:
            return
        self.arranging = True
        self._round += 1
        self._broker.loop.call_later(REBALANCE_SECONDS, self._wait_no_longer, self._round, context=SERVER)

    def _wait_no_longer(self, round_: int) -> None:
        if self.arranging and round_ == self._round:
            self._members = {n: member for n, member in self._members.items() if member.joining is not None}
            self._complete()

    def _complete(self) -> None:
        members = list(self._members.values())
        if not self.arranging or any(member.joining is None for member in members):
            return
        self.arranging = False
        self.generation += 1
        topics = {topic for member in members for topic in member.topics}
        self.arranged = {topic: len(self._broker.topics.get(topic, ())) for topic in topics}
        places = sorted(
            TopicPartition(topic, log.number)
            for topic in topics
            for log in self._broker.topics.get(topic, ())
        )
        self._broker.chance.shuffle(members)
        for turn, member in enumerate(members):
            member.places = frozenset(places[turn :: len(members)])
            joining, member.joining = member.joining, None
            if joining is not None and not joining.done():
                joining.set_result((self.generation, member.places))

    def _expire(self, member: Member) -> None:
        if self._members.get(member.number) is not member:
            return
        loop = self._broker.loop
        left = member.heard_at + member.session_seconds - loop.time()
        if left <= 0 and member.joining is None:
            self.leave(member.number)
        else:
            loop.call_later(left if left > 0 else 0.1, self._expire, member, context=SERVER)
