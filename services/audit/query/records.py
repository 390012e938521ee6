"""Records of the ledger, as the caller's tenant may see them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from shared.errors import NotFound
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("services.audit.query")
SCANNED_RECORDS: Final = 50_000
"""The most records that one page of a type is looked for in; then the page ends, shorter than it might be."""
LAST_SEQUENCE: Final = 2**63 - 1


class RecordPosition(NamedTuple):
    """Where a record stands; the order of lists."""

    source: str
    partition: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are asked for, after `after`; None: any. `tenant` is the caller's."""

    tenant: str
    source: str | None = None
    partition: int | None = None
    type: str | None = None
    subject: str | None = None
    first: int = 1
    last: int = LAST_SEQUENCE
    after: RecordPosition | None = None

    def may_stand_in(self, source: str, partition: int) -> bool:
        """Whether a (source, partition) can hold records that are asked for."""
        if self.after is not None and (source, partition) < self.after[:2]:
            return False
        return self.source in (None, source) and self.partition in (None, partition)


class Kept(msgspec.Struct, frozen=True):
    """A record as it is shown. Of another tenant's only place and hash are; they are enough to check a tree."""

    source: str
    partition: int
    sequence: int
    hash: str
    event: msgspec.Raw | None = None
    traceparent: str | None = None
    topic: str | None = None
    offset: int | None = None
    recorded_at: datetime | None = None

    @property
    def place(self) -> RecordPosition:
        """Where it stands."""
        return RecordPosition(self.source, self.partition, self.sequence)


class Records:
    """Reads the ledger."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def one(self, tenant: str, place: RecordPosition) -> Kept:
        """Raises `NotFound`."""
        row = await self._pool.fetchrow(QUERIES["record"], *place)
        if row is None:
            raise NotFound("There is no such record.")
        return _shown(row, tenant)

    async def some(self, wanted: Wanted, limit: int) -> tuple[list[Kept], RecordPosition | None]:
        """At most `limit` records by place, and the place after which a page that was cut short goes on."""
        if wanted.subject is not None:
            return await self._of_subject(wanted, limit), None
        found: list[Kept] = []
        left = SCANNED_RECORDS
        for source, partition, size in await self._pool.fetch(QUERIES["trees"]):
            if not wanted.may_stand_in(source, partition):
                continue
            low, high = _bounds(wanted, source, partition, size)
            end = high if wanted.type is None else min(high, low + left)
            if low < end:
                rows = await self._pool.fetch(
                    QUERIES["records"], source, partition, low, end, wanted.type, wanted.tenant,
                    limit - len(found),
                )  # fmt: skip
                found += [_shown(row, wanted.tenant) for row in rows]
                left -= end - low if wanted.type is not None else 0
            if len(found) >= limit:
                return found, None
            if end < high:
                return found, RecordPosition(source, partition, end)
        return found, None

    async def _of_subject(self, wanted: Wanted, limit: int) -> list[Kept]:
        rows = await self._pool.fetch(
            QUERIES["records_of_subject"], wanted.subject, wanted.tenant,
            *(wanted.after or ("", 0, 0)), wanted.type, wanted.source, wanted.partition,
            wanted.first, wanted.last, limit,
        )  # fmt: skip
        return [_shown(row, wanted.tenant) for row in rows]


def _bounds(wanted: Wanted, source: str, partition: int, size: int) -> tuple[int, int]:
    """The sequences between which to look in one tree: after the first, up to the second."""
    low = wanted.first - 1
    if wanted.after is not None and wanted.after[:2] == (source, partition):
        low = max(low, wanted.after.sequence)
    return low, min(wanted.last, size)


def _shown(row: Any, tenant: str) -> Kept:
    place, digest = (row["source"], row["partition"], row["sequence"]), row["hash"].hex()
    if row["tenant"] != tenant:
        return Kept(*place, digest)
    return Kept(
        *place, digest, msgspec.Raw(row["value"]), row["traceparent"], row["topic"], row["kafka_offset"],
        row["recorded_at"],
    )  # fmt: skip
