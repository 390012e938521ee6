"""A slice of intake's log → typed facts with their places, ready to be decided."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from services.allocation.append.writer import AllocationPartition, Batch
from services.allocation.decide import Cause
from shared.contracts.facts import decode_fact
from shared.errors import Unapplicable
from shared.inbox.positions import Received, Slice


class FactsInbox:
    """Types every record of a poll before anything is decided, then hands the batches to `append`."""

    def __init__(self, append: Callable[[Sequence[Batch]], Awaitable[None]]) -> None:
        self._append = append

    async def apply(self, slices: Sequence[Slice[AllocationPartition]]) -> None:
        """Decides and keeps the slices, all or none. Raises `Unapplicable` for a fact this release cannot read."""
        await self._append(
            [Batch(slice_, [cause_of(slice_, record) for record in slice_.records]) for slice_ in slices]
        )


def cause_of(slice_: Slice[Any], record: Received) -> Cause:
    """The fact of a record, with its place. Raises `Unapplicable` when this release cannot read it."""
    envelope = record.envelope
    try:
        fact = decode_fact(envelope.type, envelope.data)
    except KeyError:
        raise Unapplicable(
            slice_.source, slice_.partition, record.sequence, f"this release knows no type {envelope.type}"
        ) from None
    except msgspec.DecodeError as error:
        raise Unapplicable(slice_.source, slice_.partition, record.sequence, str(error)) from error
    return Cause(envelope.tenant, record.sequence, envelope.time, fact)
