"""Where each partition of a log ends: the head, and the lower bound of what was published, against the log's rows."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from shared.contracts.envelope import NO_HASH, decode
from shared.postgres import Connection
from shared.verification.findings import RowDifference
from shared.verification.log_pages import QUERIES


async def check_ends(connection: Connection, partitions: int) -> list[RowDifference]:
    """The rows of `log_head`, `log_published` and `log` that do not belong to each other."""
    rows = {row["partition"]: row for row in await connection.fetch(QUERIES["log_ends"])}
    found: list[RowDifference] = []
    installed = await connection.fetchval(QUERIES["partitions"])
    if installed != partitions:
        message = f"the service runs with {partitions} partitions, the database was created with {installed}"
        found.append(RowDifference("installation", {}, ("partitions",), message))
    for partition in sorted({*rows, *range(partitions)}):
        found += _check(partition, rows.get(partition), partition < partitions)
    return found


def _check(partition: int, row: Any, expected: bool) -> Iterator[RowDifference]:
    key = {"partition": str(partition)}
    for table, is_there in (("log_head", "has_head"), ("log_published", "has_published")):
        if (row is not None and row[is_there]) != expected:
            message = "the row is missing" if expected else "there is no such partition"
            yield RowDifference(table, key, (), message)
    if row is None:
        return
    if not expected and row["events"]:
        yield RowDifference("log", {**key, "sequence": str(row["last"])}, (), "there is no such partition")
    if row["has_head"] and expected:
        columns = tuple(_wrong_columns(row))
        if columns:
            yield RowDifference("log_head", key, columns, "the head is not the log's last event")
    if row["has_published"] and row["published"] > (row["last"] or 0):
        yield RowDifference("log_published", key, ("sequence",), "more was published than the log holds")


def _wrong_columns(row: Any) -> Sequence[str]:
    last, time, digest = 0, "", NO_HASH
    if row["last"] is not None:
        last, digest = row["last"], row["last_hash"]
        try:
            time = decode(row["last_value"]).time
        except msgspec.DecodeError:
            time = row["time"]  # the log's own check names the row
    expected = {"sequence": last, "hash": digest, "time": time}
    return [column for column, value in expected.items() if row[column] != value]
