"""Which tables and columns a verification covers: all that the catalogue has, but those listed here with a reason."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import asyncpg

ONLY_ANSWER: Final = "an answer to upstream; where it is `unchanged` or `rejected`, nothing else holds it"
WORK_STATE: Final = "where the service's own work is; a wrong one is corrected or refused by that work"
HASHES: Final = "hashes of the last facts, for repeats; a wrong one blocks its partition as a fork"

EXCLUDED_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "intake": {
        "migrations": "names and times of migrations; no data",
        "recovering": "the mark of an unfinished command; no data",
        "idempotency": ONLY_ANSWER,
        "rejections": ONLY_ANSWER,
        "inbound": WORK_STATE,
        "inbound_marks": WORK_STATE,
        "key_anchors": WORK_STATE,
    },
    "allocation": {
        "migrations": "names and times of migrations; no data",
        "recovering": "the mark of an unfinished command; no data",
        "inbox_hashes": HASHES,
    },
    "audit": {"migrations": "names and times of migrations; no data", "inbox_hashes": HASHES},
}

LOWER_BOUND: Final = "a lower bound, written a little later than the fact: any smaller value is right"
RECORDED_AT: Final = "when the row was written; nothing else holds it"
ONE_ROW: Final = "the constraint allows one value"

EXCLUDED_COLUMNS: Final[Mapping[tuple[str, str, str], str]] = {
    ("intake", "installation", "only_row"): ONE_ROW,
    ("allocation", "installation", "only_row"): ONE_ROW,
    ("audit", "installation", "only_row"): ONE_ROW,
    ("intake", "log", "recorded_at"): RECORDED_AT,
    ("allocation", "log", "recorded_at"): RECORDED_AT,
    ("audit", "ledger", "recorded_at"): RECORDED_AT,
    ("intake", "log_published", "sequence"): LOWER_BOUND,
    ("allocation", "log_published", "sequence"): LOWER_BOUND,
    ("intake", "erasures", "settled"): WORK_STATE,
    ("audit", "ledger", "topic"): "where the record was read; a refilled topic has others",
    ("audit", "ledger", "kafka_offset"): "where the record was read; a refilled topic has others",
    ("audit", "ledger", "kafka_timestamp_ms"): "where the record was read; a refilled topic has others",
}

ALONE: Final = frozenset({"log", "log_head", "log_published", "ledger", "trees", "inbox", "installation"})
"""Tables whose columns are changed one at a time; in a read model all but the key are changed together."""

FORGERIES: Final[Mapping[str, str]] = {
    "int2": "coalesce({0}, 0) + 100",
    "int4": "coalesce({0}, 0) + 100",
    "int8": "coalesce({0}, 0) + 100",
    "text": "coalesce({0}, '') || 'x'",
    "bytea": "case when length({0}) > 0 then set_byte({0}, length({0}) / 2, get_byte({0}, length({0}) / 2) # 1)"
    " else '\\x01' end",
    "bool": "not {0}",
    "_int4": "array_append(coalesce({0}, '{{}}'), 99)",
    "json": """'{{"forged": 1}}'""",
    "uuid": "gen_random_uuid()",
    "timestamptz": "{0} + interval '1 second'",
}
"""By type, another value; `{0}` is the column."""


class Column(NamedTuple):
    """A column as the catalogue has it."""

    name: str
    type: str
    in_key: bool


COLUMNS: Final = """
select c.relname as table, a.attname as name, t.typname as type,
       coalesce(a.attnum = any(k.conkey), false) as in_key
from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
order by c.relname, a.attnum
"""


async def tables_of(connection: asyncpg.Connection) -> dict[str, list[Column]]:
    """Every table of the database, with all its columns."""
    found: dict[str, list[Column]] = {}
    for row in await connection.fetch(COLUMNS):
        found.setdefault(row["table"], []).append(Column(row["name"], row["type"], row["in_key"]))
    return found


class Forgery(NamedTuple):
    """One change of one row: the columns that get other values; none: the row is deleted."""

    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def name(self) -> str:
        """For a failure's message."""
        return f"{self.table}: {', '.join(column.name for column in self.columns) or 'the row deleted'}"


def forgeries(service: str, tables: Mapping[str, list[Column]]) -> list[Forgery]:
    """One after the other, all that a verification of this service's database must find."""
    made: list[Forgery] = []
    for table, columns in tables.items():
        if table in EXCLUDED_TABLES[service]:
            continue
        key = tuple(column.name for column in columns if column.in_key)
        covered = [column for column in columns if (service, table, column.name) not in EXCLUDED_COLUMNS]
        alone = [column for column in covered if table in ALONE or column.in_key]
        together = tuple(column for column in covered if column not in alone)
        made += [Forgery(table, (column,), key) for column in alone]
        made += [Forgery(table, together, key)] if together else []
        made += [Forgery(table, (), key)] if table != "installation" else []
    return made
