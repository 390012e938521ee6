"""The health look: what a topic partition holds, judged against the log. Pure; the topic was read first.

A partition is healthy if it is empty and nothing was published, or if its first sequence is 1, its last one is
in the log with the same hash, and none is known to be missing between. As each event holds the hash of the one
before it, an equal hash means an equal history.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.postgres import Connection, named_queries
from shared.relay.extent import Extent, TopicRecord
from shared.relay.leadership import Standing

QUERIES: Final = named_queries("shared.relay")

RESTORED: Final = "the database was restored"
FORKED: Final = "is another event than in the log: a fork"
FOREIGN_WRITER: Final = "a foreign client wrote to the topic"
FOREIGN: Final = "holds a record that is no event of this log"
FOREIGN_RECORD: Final = "a foreign record"
DISAGREEMENTS: Final = (RESTORED, FORKED, FOREIGN, FOREIGN_RECORD)
"""What a relay that is not ready says when that does not pass by itself: a person must act."""


@dataclass(frozen=True, slots=True)
class Healthy:
    """The topic continues after `sequence`; 0 when it is empty."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Incomplete:
    """What the topic holds is ours, but not all of it: delete below `end` and fill from 1."""

    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Topic and log tell different stories. The gate closes, nothing is sent and nothing deleted."""

    reason: str


Verdict = Healthy | Incomplete | Disagreement


@dataclass(frozen=True, slots=True)
class LogView:
    """What the log knows, read after the topic: where it stands, and its hashes at the places seen there."""

    standings: Mapping[int, Standing]
    hashes: Mapping[tuple[int, int], bytes]


def diagnose(
    partition: int,
    extent: Extent,
    log: LogView,
    *,
    missing: int | None = None,
    read_highest: TopicRecord | None = None,
) -> Verdict:
    """The verdict on one partition of the topic; `missing` is a sequence that it lacks before its end, and `read_highest`
    the event with the highest sequence that was read between its first and last record.

    Records that are no events of the log are passed over: the log is not in doubt because of them.
    """
    first, last = extent.oldest, extent.newest
    standing = log.standings[partition]
    if first is None or last is None or first.sequence is None or last.sequence is None:
        if standing.published > 0:
            return Incomplete(extent.end, f"it is empty, but {standing.published} were published")
        return Healthy(0)
    seen = [record for record in (last, first, extent.highest, read_highest) if record is not None]
    highest = max(record.sequence or 0 for record in seen)
    if highest > standing.head:
        return Disagreement(
            f"it holds sequence {highest}, but the log ends at {standing.head}: {RESTORED},"
            " and its missing events must be brought back from the topic first (recover);"
            f" or, if nobody restored it, {FOREIGN_WRITER}: revoke its access, then empty the partition (refill)"
        )
    for record in seen:
        if record.sequence is None:
            continue
        kept = log.hashes.get((partition, record.sequence))
        if kept != record.hash:
            return Disagreement(
                f"sequence {record.sequence} at offset {record.offset} {FORKED}: the topic has the hash"
                f" {record.hash.hex()}, the log {kept.hex() if kept is not None else 'none'}"
            )
    if first.sequence != 1:
        return Incomplete(extent.end, f"it begins with sequence {first.sequence}")
    if missing is not None:
        return Incomplete(extent.end, f"sequence {missing} is missing before sequence {last.sequence}")
    if extent.end - extent.begin < last.sequence:
        return Incomplete(
            extent.end, f"it has fewer records ({extent.end - extent.begin}) than its last one says"
        )
    return Healthy(last.sequence)


async def view_log(
    connection: Connection, extents: Mapping[int, Extent], others: Mapping[int, TopicRecord | None]
) -> LogView:
    """What `diagnose` needs of the log, of `others` too. To be read after the topic, so that the log cannot seem to be behind."""
    places = sorted(set(_places(extents, others)))
    found = await connection.fetch(
        QUERIES["hashes"], [partition for partition, _ in places], [sequence for _, sequence in places]
    )
    standings = await connection.fetch(QUERIES["heads"])
    return LogView(
        {row["partition"]: Standing(row["head"], row["published"]) for row in standings},
        {(row["partition"], row["sequence"]): row["hash"] for row in found},
    )


def _places(
    extents: Mapping[int, Extent], others: Mapping[int, TopicRecord | None]
) -> Iterable[tuple[int, int]]:
    for partition, extent in extents.items():
        for seen in (extent.first, extent.last, extent.highest, *extent.inner, others.get(partition)):
            if seen is not None and seen.sequence is not None:
                yield partition, seen.sequence
