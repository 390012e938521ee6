"""aiokafka's side of the assignment of partitions."""

from collections.abc import Coroutine, Iterable
from typing import Any, Protocol

from aiokafka import ConsumerRebalanceListener, TopicPartition


class Member(Protocol):
    """Whoever is told of partitions that come and go."""

    async def revoked(self) -> None:
        """Nothing is ours any more."""

    async def assigned(self, places: Iterable[TopicPartition]) -> None:
        """These are ours now."""


class Listener(ConsumerRebalanceListener):
    """aiokafka logs and passes over what a listener raises: a member raises nothing."""

    def __init__(self, member: Member) -> None:
        self._member = member

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> Coroutine[Any, Any, None]:
        """Called before the group is arranged anew."""
        return self._member.revoked()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> Coroutine[Any, Any, None]:
        """Called when it is."""
        return self._member.assigned(assigned)
