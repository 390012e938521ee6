"""Who was given a foreign record: a reader that was, and is not held at it, has passed it over."""

from collections.abc import Collection, Sequence
from typing import Any

from aiokafka import TopicPartition

from tests.simulation.processes import PROCESS, Process


class Given:
    """Members of groups by the partition in which they were given one of the `watched` values, until their next assignment."""

    def __init__(self) -> None:
        self.watched: Collection[bytes] = ()
        self._members: dict[object, tuple[Process | None, set[TopicPartition]]] = {}

    def take(self, member: object, place: TopicPartition, records: Sequence[Any]) -> None:
        """Called with all records that a member of a group is given."""
        if self.watched and any(record.value in self.watched for record in records):
            self._members.setdefault(member, (PROCESS.get(), set()))[1].add(place)

    def reassigned(self, member: object) -> None:
        """It begins anew, perhaps behind the record."""
        self._members.pop(member, None)

    def to(self, process: Process, place: TopicPartition) -> bool:
        """Whether a process was given one, in the assignment that it has."""
        return any(who is process and place in places for who, places in self._members.values())
