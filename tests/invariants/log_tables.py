"""The rows of `log` and `log_head`, raw: every column is what the event holds."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from tests.invariants.columns import columns_of_log, require_columns
from tests.invariants.evidence import NO_HASH, Kept, Row

Log = Mapping[int, Sequence[Kept]]
"""A log's events by partition, each judged by itself."""

KEPT: Final = ("type", "tenant", "subject", "value", "hash")
"""Columns that `Kept` has as well."""


def require_log(service: str, rows: Iterable[Row], log: Log) -> None:
    """Each event has one row, whose columns are the event's."""
    what, known = f"{service}'s log", columns_of_log("log")
    places = {(partition, kept.sequence): kept for partition, events in log.items() for kept in events}
    found: set[tuple[int, int]] = set()
    for row in rows:
        require_columns(what, row, known)
        place = row["partition"], row["sequence"]
        where = f"{what}, partition {place[0]}, sequence {place[1]}"
        assert place in places, f"{where}: a row of no event"
        assert place not in found, f"{where}: two rows"
        found.add(place)
        kept, event = places[place], decoded(places[place].value)
        stated = {"version": event["data"]["version"], "causation_id": event["causationid"]}
        for column in (*KEPT, *stated):
            expected = stated[column] if column in stated else getattr(kept, column)
            assert row[column] == expected, f"{where}: {column} is {row[column]!r}, not {expected!r}"
    assert len(found) == len(places), f"{what} has {len(found)} rows of {len(places)} events"


def require_heads(service: str, rows: Sequence[Row], log: Log) -> None:
    """Each partition's head is its last event: sequence, hash and time."""
    what, known = f"{service}'s log_head", columns_of_log("log_head")
    for row in rows:
        require_columns(what, row, known)
    require_ends(what, rows, log)
    for row in rows:
        events = log.get(row["partition"], ())
        time = decoded(events[-1].value)["time"] if events else ""
        assert row["time"] == time, (
            f"{what}, partition {row['partition']}: the time {row['time']!r}, not {time!r}"
        )


def require_ends(what: str, rows: Iterable[Row], log: Log) -> None:
    """Each partition's row has the sequence and the hash of its last event, and there is one of each partition."""
    found: dict[int, tuple[int, bytes]] = {}
    for row in rows:
        assert row["partition"] not in found, f"{what}, partition {row['partition']}: two rows"
        found[row["partition"]] = row["sequence"], row["hash"]
    for partition in sorted({*found, *log}):
        events = log.get(partition, ())
        end = (len(events), events[-1].hash) if events else (0, NO_HASH)
        at = found.get(partition)
        assert at == end, f"{what}, partition {partition}: {_place(at)}; the log ends at {_place(end)}"


def _place(at: tuple[int, bytes] | None) -> str:
    return "nothing" if at is None else f"sequence {at[0]}, hash {at[1].hex()[:12]}…"


@lru_cache(maxsize=65_536)
def decoded(value: bytes) -> dict[str, Any]:
    """An event of a log. Raises `AssertionError` for bytes that are none."""
    try:
        event: dict[str, Any] = msgspec.json.decode(value)
        int(event["sequence"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise AssertionError(f"{value[:80]!r} is no event: {error!r}") from error
    return event
