"""Which columns of the read models I7 compares and of the logs I6, which they cannot and why, and how rows are compared.

A migration that adds a table or a column adds it here: `tests/integration/simulation/test_judged_columns.py` reads
the real schema and fails for one that is in none of these lists.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tests.invariants.evidence import Row

Key = tuple[Any, ...]
Rows = Mapping[Key, Mapping[str, Any]]
"""Expected rows by primary key: every compared column that is not of the key."""

KEYS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "intake": {
        "students": ("tenant", "student_id"),
        "student_years": ("tenant", "year", "student_id"),
        "mentors": ("tenant", "mentor_id"),
        "managers": ("tenant", "manager_id"),
        "school_rosters": ("tenant", "year"),
        "erasures": ("tenant", "subject"),
        "subject_keys": ("tenant", "subject"),
    },
    "allocation": {
        "enrolments": ("tenant", "gender", "year", "student_id"),
        "mentors": ("tenant", "mentor_id"),
        "mentor_loads": ("tenant", "year", "mentor_id"),
        "counters": ("tenant", "gender", "year"),
    },
    "audit": {"ledger": ("source", "partition", "sequence")},
}
"""The read models, and of each the primary key."""

VALUES: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "intake": {
        "students": ("gender", "version"),
        "student_years": (
            "gender", "edu_status", "reg_center", "reg_status", "group_code", "school_code", "student_type",
            "version", "partition", "sequence", "is_withdrawn", "arrival_female", "arrival_male",
        ),
        "mentors": (
            "gender", "type", "capacity", "active", "alias_code", "manager_id", "manager_centers", "groups",
            "centers", "schools", "version", "partition", "sequence",
        ),
        "managers": ("is_active", "centers", "version", "partition", "sequence"),
        "school_rosters": ("school_codes", "version", "partition", "sequence"),
        "erasures": ("partition", "sequence"),
        "subject_keys": (),
    },
    "allocation": {
        "enrolments": (
            "partition", "version", "arrival", "status", "mentor_id", "counter", "edu_status", "reg_center",
            "reg_status", "group_code", "school_code", "student_type", "policy", "reason", "funnel",
            "cause_sequence", "decided_at",
        ),
        "mentors": (
            "gender", "partition", "version", "type", "capacity", "active", "alias_code", "manager_id",
            "manager_centers", "groups", "centers", "schools",
        ),
        "mentor_loads": ("partition", "load"),
        "counters": ("partition", "last", "last_mentor_id"),
    },
    "audit": {"ledger": ("type", "tenant", "subject", "time", "value", "hash", "traceparent", "topic")},
}  # fmt: skip
"""The other columns that I7 compares."""

KEYED: Final = "an HMAC under a key that the evidence does not hold, of personal data that no fact holds"
EXCLUDED: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "intake": {
        "students": {"lookup": KEYED},
        "student_years": {"fingerprint": KEYED},
        "mentors": {"fingerprint": KEYED},
        "managers": {"fingerprint": KEYED},
        "erasures": {
            "settled": "whether the tombstones were sent once more, which is done some seconds later"
        },
        "subject_keys": {
            "lookup": KEYED,
            "wrapped_key": "random; quiet.py and the simulation compare it with its record on rahnama.keys",
        },
    },
    "audit": {
        "ledger": {
            "kafka_offset": "the place at the time of reading; a recreated topic has other offsets",
            "kafka_timestamp_ms": "the broker's clock at the time of the first publication",
            "recorded_at": "the database's clock",
        }
    },
}
"""Columns of read models that no replay can derive, each with the reason."""

NOT_READ_MODELS: Final[Mapping[str, Mapping[str, str]]] = {
    "intake": {
        "idempotency": "answers, not derived from facts: I4 and I5 judge key, status, subject, facts, rejection_id and reissued",
        "rejections": "what was refused has no fact: I4 judges ids, causes, places and what was published",
        "installation": "the number of partitions, written once",
        "log": "the source of truth: I6 judges it",
        "log_head": "the end of the log: I6 judges it",
        "log_published": "a lower bound of what was published: I6 judges it",
        "inbound": "a position: the wait for quiet compares it with the topic's end",
        "inbound_marks": "a position of some time ago, a lower bound",
        "key_anchors": "a place on rahnama.keys by which a recreated topic is recognised",
        "recovering": "empty unless a recovery was interrupted",
        "migrations": "written by the migrations",
    },
    "allocation": {
        "inbox": "positions: I6 judges them",
        "inbox_hashes": "of the last events that were applied: I6 compares them with the log",
        "installation": "the number of partitions, written once",
        "log": "the source of truth: I6 judges it, and I7 decides it again",
        "log_head": "the end of the log: I6 judges it",
        "log_published": "a lower bound of what was published: I6 judges it",
        "recovering": "empty unless a recovery was interrupted",
        "migrations": "written by the migrations",
    },
    "audit": {
        "inbox": "positions: I6 judges them",
        "inbox_hashes": "empty: audit compares an event that comes again with its ledger",
        "installation": "the number of partitions, written once",
        "trees": "I6 computes each tree from the log, every column",
        "migrations": "written by the migrations",
    },
}
"""Tables that are no read model of the logs, each with what judges it, or why nothing does."""


LOG_VALUES: Final[Mapping[str, Sequence[str]]] = {
    "log": ("type", "tenant", "subject", "version", "value", "hash", "causation_id"),
    "log_head": ("sequence", "hash", "time"),
}
"""The columns of a log's tables that I6 compares with the events, beside those of the primary key."""
LOG_KEYS: Final[Mapping[str, Sequence[str]]] = {"log": ("partition", "sequence"), "log_head": ("partition",)}
LOG_EXCLUDED: Final[Mapping[str, Mapping[str, str]]] = {
    "log": {
        "traceparent": "I7 compares it with the ledger's",
        "recorded_at": "the database's clock",
    },
    "log_head": {},
}
"""The other columns of a log's tables, each with the reason."""


def columns_of_log(table: str) -> frozenset[str]:
    """Every column that `log` or `log_head` has."""
    return frozenset((*LOG_KEYS[table], *LOG_VALUES[table], *LOG_EXCLUDED[table]))


def columns_of_table(service: str, table: str) -> frozenset[str]:
    """Every column that a read model has."""
    excluded = EXCLUDED.get(service, {}).get(table, {})
    return frozenset((*KEYS[service][table], *VALUES[service][table], *excluded))


def require_rows(service: str, table: str, expected: Rows, rows: Iterable[Row]) -> None:
    """Every row with every compared column is as expected, and there is no other. Raises `AssertionError`."""
    what = f"{service}'s {table}"
    key, values, known = KEYS[service][table], VALUES[service][table], columns_of_table(service, table)
    found: set[Key] = set()
    for row in rows:
        require_columns(what, row, known)
        place = tuple([_plain(row[column]) for column in key])
        assert place not in found, f"{what}: two rows of {place}"
        found.add(place)
        mine = expected.get(place)
        assert mine is not None, f"{what} holds {place}: {dict(row)}; a replay makes no row"
        for column in values:
            stored, replayed = row[column], mine[column]
            if stored != replayed and (stored := _plain(stored, column)) != (
                replayed := _plain(replayed, column)
            ):
                raise AssertionError(
                    f"{what} holds {place} with {column} {stored!r}; a replay makes {replayed!r}"
                )
    if len(found) != len(expected):
        missing = min(expected.keys() - found, key=repr)
        raise AssertionError(f"{what} holds no row {missing}; a replay makes {dict(expected[missing])}")


def require_columns(what: str, row: Row, known: frozenset[str]) -> None:
    """The row has these columns and no other. Raises `AssertionError`."""
    assert row.keys() == known, (
        f"{what} lacks the columns {sorted(known - row.keys())} and has the unknown {sorted(row.keys() - known)}"
    )


def _plain(value: Any, column: str = "") -> Any:
    """A value as both sides can have it: sets in order, a funnel decoded, a topic without its prefix, an id as text."""
    if column == "funnel" and isinstance(value, str):
        return msgspec.json.decode(value)
    if column == "topic":
        return "".join(str(value).partition("rahnama.")[1:])
    if isinstance(value, set | frozenset | list | tuple):
        return sorted(value)
    return value if value is None or isinstance(value, bool | int | str | bytes | dict) else str(value)
