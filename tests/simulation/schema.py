"""What tables there are: read from the services' own migrations, so that the double cannot drift from them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Any, Final

Row = dict[str, Any]
Key = tuple[Any, ...]

PACKAGES: Final = {
    "intake": ("shared.append", "services.intake"),
    "allocation": ("shared.append", "shared.inbox", "services.allocation"),
    "audit": ("shared.inbox", "services.audit"),
}
NOT_SIMULATED: Final = ("now()", "clock_timestamp()")
CONSTANTS: Final = {
    "''": "",
    "true": True,
    "false": False,
    "decode(repeat('00', 32), 'hex')": bytes(32),
}


@dataclass(frozen=True)
class Column:
    """A column; `default` is given where a row has none, None for what the simulation has no use for."""

    name: str
    required: bool
    default: Any = None


@dataclass
class TableSpec:
    """A table: its columns, its primary key, and its other unique indexes by name."""

    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    uniques: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def never_null(self) -> Sequence[str]:
        """The columns with a default that must have a value."""
        return [
            name for name, column in self.columns.items() if column.required and column.default is not None
        ]

    def key_of(self, row: Mapping[str, Any]) -> Key:
        """The primary key of a row."""
        return tuple([row[name] for name in self.key])

    def complete(self, row: Mapping[str, Any]) -> Row:
        """The row with its defaults. Raises `KeyError` for a column that there is not."""
        complete = {**self._defaults, **row}
        if len(complete) != len(self._defaults):
            raise KeyError(f"{self.name} has no columns {complete.keys() - self._defaults.keys()}")
        return complete

    @cached_property
    def _defaults(self) -> Row:
        return {name: column.default for name, column in self.columns.items()}


@dataclass(frozen=True)
class Schema:
    """The tables of one service, and the rows that they are created with."""

    tables: Mapping[str, TableSpec]
    first_rows: Mapping[str, Sequence[Row]]


@cache
def schema_of(service: str, partitions: int) -> Schema:
    """Of `intake`, `allocation` or `audit`. Raises `ValueError` for a statement that this reader does not know."""
    tables: dict[str, TableSpec] = {}
    rows: dict[str, list[Row]] = {}
    for statement in _statements(PACKAGES[service]):
        words = statement.replace("@partitions@", str(partitions))
        if words.startswith("create table"):
            table = _table(words)
            tables[table.name] = table
        elif found := re.fullmatch(r"create unique index (\w+) on (\w+) \(([^)]*)\)", words):
            tables[found[2]].uniques[found[1]] = tuple(found[3].split(", "))
        elif found := re.fullmatch(r"alter table (\w+) add column (.*)", words):
            for text in found[2].split(", add column "):
                column, _ = _column(text)
                tables[found[1]].columns[column.name] = column
        elif words.startswith("insert into"):
            name, inserted = _inserted(words, rows, partitions)
            rows.setdefault(name, []).extend(inserted)
        elif not words.startswith(
            ("grant", "create index", "drop index", "revoke", "comment", "update")
        ):  # of rows there are none yet
            raise ValueError(f"the simulation cannot read this migration: {words}")
    complete = {name: [tables[name].complete(row) for row in found] for name, found in rows.items()}
    return Schema(tables, complete)


def _statements(packages: Sequence[str]) -> Iterator[str]:
    for package in packages:
        folder = resources.files(package).joinpath("migrations")
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".sql"):
                text = re.sub(r"--.*", "", file.read_text(encoding="utf-8"))
                for statement in text.split(";"):
                    if words := " ".join(statement.split()):
                        yield words


def _table(words: str) -> TableSpec:
    found = re.fullmatch(r"create table (\w+) \((.*)\)", words)
    if found is None:
        raise ValueError(words)
    table = TableSpec(found[1])
    for part in re.split(r",\s*(?![^(]*\))", found[2]):
        if key := re.fullmatch(r"primary key \(([^)]*)\)", part.strip()):
            table.key = tuple(key[1].split(", "))
        else:
            column, is_key = _column(part.strip())
            table.columns[column.name] = column
            if is_key:
                table.key = (column.name,)
    return table


def _column(text: str) -> tuple[Column, bool]:
    name = text.split()[0]
    is_key = "primary key" in text
    default = None
    if found := re.search(r" default (.*?)(?= check| primary key| not null|$)", text):
        default = _constant(found[1])
    if default == "" and text.split()[1] == "bytea":
        default = b""
    return Column(name, "not null" in text or is_key, default), is_key


def _constant(text: str) -> Any:
    if text in NOT_SIMULATED:
        return None
    if text in CONSTANTS:
        return CONSTANTS[text]
    return text.strip("'") if text.startswith("'") else int(text)


def _inserted(words: str, rows: Mapping[str, Sequence[Row]], partitions: int) -> tuple[str, list[Row]]:
    found = re.match(r"insert into (\w+) \(([^)]*)\) (.*)", words)
    if found is None:
        raise ValueError(words)
    name, columns, rest = found[1], found[2].split(", "), found[3]
    numbers = range(partitions)
    if " from log " in rest:  # of events there are none yet
        return name, []
    if one := re.fullmatch(r"values \((\d+)\)", rest):
        return name, [{columns[0]: int(one[1])}]
    if re.fullmatch(r"select generate_series\(0, \d+ - 1\)", rest):
        return name, [{columns[0]: number} for number in numbers]
    if one := re.fullmatch(r"select '(\w+)', generate_series\(0, \d+ - 1\)", rest):
        return name, [{columns[0]: one[1], columns[1]: number} for number in numbers]
    if one := re.search(r"unnest\(array\[(.*)\]\) as source", rest):
        sources = [word.strip("' ") for word in one[1].split(",")]
        return name, [{"source": source, "partition": number} for source in sources for number in numbers]
    if one := re.fullmatch(r"select source, partition from (\w+)", rest):
        return name, [{"source": row["source"], "partition": row["partition"]} for row in rows[one[1]]]
    raise ValueError(f"the simulation cannot read this migration: {words}")
