"""The log, the relay and the inboxes: `shared/*/queries.sql` and intake's `inbound.sql`, where they are not plain."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from tests.simulation.schema import Row
from tests.simulation.statements import Record, Statement
from tests.simulation.written import pick, query

# --- the log and the relay


@query("shared.append", "move_heads")
def move_heads(
    statement: Statement,
    partitions: Sequence[int],
    sequences: Sequence[int],
    hashes: Sequence[bytes],
    times: Sequence[str],
) -> list[Record]:
    changes = [
        ((partition,), lambda row, new=new: {**row, "sequence": new[0], "hash": new[1], "time": new[2]})
        for partition, *new in zip(partitions, sequences, hashes, times, strict=True)
    ]
    statement.update("log_head", changes)
    statement.notify("log")
    return [Record({"pg_notify": None})]


@query("shared.relay", "beat")
def beat(statement: Statement, group: int, held: Sequence[int]) -> list[Record]:
    rows = _standings(statement)
    for row in rows:
        partition = row["partition"]
        row["won"] = None if partition in held else statement.try_advisory(group, partition)
    return rows


@query("shared.relay", "heads")
def heads(statement: Statement) -> list[Record]:
    return _standings(statement)


def _standings(statement: Statement) -> list[Record]:
    published = {row["partition"]: row["sequence"] for row in statement.scan("log_published")}
    heads = sorted(statement.scan("log_head"), key=lambda row: int(row["partition"]))
    return [
        Record(partition=row["partition"], head=row["sequence"], published=published[row["partition"]])
        for row in heads
    ]


LOG_COLUMNS: Final = (
    "partition", "sequence", "type", "tenant", "subject", "version", "value", "hash", "traceparent",
)  # fmt: skip


@query("shared.relay", "read_unsent")
def read_unsent(statement: Statement, partition: int, after: int, most: int, most_bytes: int) -> list[Record]:
    found: list[Record] = []
    size = 0
    for row in _log_after(statement, partition, after)[:most]:
        if size >= most_bytes:
            break
        size += len(row["value"])
        found.append(pick(row, *LOG_COLUMNS))
    return found


def _log_after(statement: Statement, partition: int, after: int) -> list[Row]:
    rows = [row for row in statement.scan("log") if row["partition"] == partition and row["sequence"] > after]
    return sorted(rows, key=lambda row: int(row["sequence"]))


@query("shared.relay", "hashes")
def hashes(statement: Statement, partitions: Sequence[int], sequences: Sequence[int]) -> list[Record]:
    rows = [statement.find("log", place) for place in zip(partitions, sequences, strict=True)]
    return [pick(row, "partition", "sequence", "hash") for row in rows if row is not None]


# --- the inboxes


@query("shared.inbox", "move_positions")
def move_positions(statement: Statement, *given: Any) -> list[Record]:
    *columns, batches, kept = given
    wanted = {(source, partition): new for source, partition, *new in zip(*columns, strict=True)}

    def change(key: tuple[Any, ...], row: Row) -> Row | None:
        expected, sequence, digest = wanted[key]
        return {**row, "sequence": sequence, "hash": digest} if row["sequence"] == expected else None

    moved = _compare_and_set(statement, "inbox", sorted(wanted), change)
    hashes = {
        (source, partition): some for source, partition, some in zip(*columns[:2], batches, strict=True)
    }
    for row in moved:
        if hashes[row["source"], row["partition"]] is not None:
            _keep_hashes(statement, row, hashes[row["source"], row["partition"]], kept)
    return [pick(row, "source", "partition") for row in moved]


def _keep_hashes(statement: Statement, moved: Row, hashes: bytes, kept: int) -> None:
    place = (moved["source"], moved["partition"])
    for old in statement.scan("inbox_hashes"):
        if (old["source"], old["partition"]) == place and old["last"] <= moved["sequence"] - kept:
            statement.delete("inbox_hashes", (*place, old["last"]))
    row = {"source": place[0], "partition": place[1], "last": moved["sequence"], "hashes": hashes}
    statement.claim("inbox_hashes", (*place, moved["sequence"]))
    statement.put("inbox_hashes", row)


@query("services.intake.append", "move_inbound")
def move_inbound(statement: Statement, *columns: Sequence[Any]) -> list[Record]:
    wanted = {(partition,): new for partition, *new in zip(*columns, strict=True)}

    def change(key: tuple[Any, ...], row: Row) -> Row | None:
        expected_offset, expected_digest, next_offset, digest = wanted[key]
        if (row["next_offset"], row["digest"]) != (expected_offset, expected_digest):
            return None
        return {**row, "next_offset": next_offset, "digest": digest}

    return [pick(row, "partition") for row in _compare_and_set(statement, "inbound", sorted(wanted), change)]


def _compare_and_set(
    statement: Statement,
    table: str,
    keys: Sequence[tuple[Any, ...]],
    change: Callable[[tuple[Any, ...], Row], Row | None],
) -> list[Row]:
    """Locks the rows that are as expected, in order; changes those that still are."""
    changed = []
    for key in keys:
        visible = statement.find(table, key)
        if visible is not None and change(key, visible) is not None:
            newest = statement.lock(table, key)
            if newest is not None and (row := change(key, newest)) is not None:
                changed.append(row)
    for row in changed:
        statement.put(table, row)
    return changed
