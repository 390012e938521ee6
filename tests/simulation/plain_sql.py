"""The services' plain queries, read from their own text: selects of one table, updates by arrays, and upserts.

A change of such a query needs no change here. What this reader does not know, it refuses.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.simulation.schema import Key, Row
from tests.simulation.statements import Query, Record, Statement

Condition = Callable[[Row, Mapping[str, Any], Sequence[Any]], bool]
Value = Callable[[Row, Mapping[str, Any], Sequence[Any]], Any]

COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq, "<": operator.lt, ">": operator.gt, "<>": operator.ne,
}  # fmt: skip
NOTHING: Final[Mapping[str, Any]] = {}
LITERALS: Final = {"true": True, "false": False, "null": None}

SELECT: Final = re.compile(
    r"select (?P<items>.*?) from (?P<table>\w+)(?: (?P<alias>[a-z]))?(?: where (?P<where>.*?))?"
    r"(?: order by (?P<order>[\w., ]+?))?(?: limit \$(?P<limit>\d))?(?P<lock> for update)?"
)
UPDATE: Final = re.compile(
    r"update (?P<table>\w+) set (?P<sets>.*?)"
    r"(?: from unnest\( ?(?P<arrays>.*?) ?\) as (?:new|next) \( ?(?P<names>.*?) ?\))? where (?P<where>.*)"
)
UPSERT: Final = re.compile(
    r"insert into (?P<table>\w+) \( ?(?P<columns>.*?) ?\)"
    r" (?:values \((?P<values>.*?)\)|select \* from unnest\((?P<arrays>.*?)\))"
    r" on conflict \((?P<key>.*?)\) do update set (?P<sets>.*?)(?: where (?P<where>.*))?"
)


class Unreadable(Exception):
    """This reader does not know such a query."""


def plain(text: str) -> Query:
    """The function of a query. Raises `Unreadable`."""
    words = " ".join(re.sub(r"--.*", "", text).split())
    for shape, build in ((UPDATE, _update), (UPSERT, _upsert), (SELECT, _select)):
        if found := shape.fullmatch(words):
            return build(found)
    raise Unreadable(words)


def _select(found: re.Match[str]) -> Query:
    table = found["table"]
    items = [_item(item) for item in found["items"].split(", ")]
    fits = _conditions(table, found["where"] or "")
    order = [part.split(".")[-1] for part in (found["order"] or "").split(", ") if part]
    limit = int(found["limit"]) if found["limit"] else None

    def run(statement: Statement, *given: Any) -> list[Record]:
        rows = statement.scan(table)
        if fits is not _always:
            rows = [row for row in rows if fits(row, NOTHING, given)]
        if order:
            rows.sort(key=lambda row: [row[name] for name in order])
        if limit is not None:
            rows = rows[: given[limit - 1]]
        if found["lock"]:
            key_of = statement.key_of(table)
            newest = [statement.lock(table, key_of(row)) for row in rows]
            rows = [row for row in newest if row is not None and fits(row, NOTHING, given)]
        return [Record({name: row[column] for name, column in items}) for row in rows]

    return run


def _item(text: str) -> tuple[str, str]:
    """The name in the result, and the column."""
    found = re.fullmatch(r"(?:\w+\.)?(\w+)(?:::text)?(?: as (\w+))?", text)
    if found is None:
        raise Unreadable(text)
    return found[2] or found[1], found[1]


def _update(found: re.Match[str]) -> Query:
    table = found["table"]
    names = found["names"].split(", ") if found["names"] else []
    numbers = [int(number) - 1 for number in re.findall(r"\$(\d+)", found["arrays"] or "")]
    fits = _conditions(table, found["where"])
    keys = _equals(table, found["where"])
    sets = _sets(table, found["sets"])

    def run(statement: Statement, *given: Any) -> int:
        rows = zip(*[given[number] for number in numbers], strict=True) if names else [()]
        changes: list[tuple[Key, Callable[[Row], Row | None]]] = []
        for values in rows:
            new = dict(zip(names, values, strict=True))

            def change(row: Row, new: Mapping[str, Any] = new) -> Row | None:
                if not fits(row, new, given):
                    return None
                return {**row, **{name: value(row, new, given) for name, value in sets}}

            changes += [(key, change) for key in _matching(statement, table, keys, new, change)]
        return len(statement.update(table, changes))

    return run


def _matching(
    statement: Statement,
    table: str,
    keys: Mapping[str, str],
    new: Mapping[str, Any],
    change: Callable[[Row], Row | None],
) -> list[Key]:
    """The primary keys of the visible rows that a change concerns."""
    columns = statement.key_columns(table)
    if all(column in keys for column in columns):
        return [tuple([new[keys[column]] for column in columns])]
    key_of = statement.key_of(table)
    return [key_of(row) for row in statement.scan(table) if change(row) is not None]


def _upsert(found: re.Match[str]) -> Query:
    table = found["table"]
    columns = found["columns"].split(", ")
    sets = _sets(table, found["sets"])
    fits = _conditions(table, found["where"] or "")

    def run(statement: Statement, *given: Any) -> int:
        rows = zip(*given, strict=True) if found["arrays"] else [given]
        new_rows = [statement.complete(table, dict(zip(columns, values, strict=True))) for values in rows]
        key_of = statement.key_of(table)
        present = [statement.claim(table, key_of(new)) for new in new_rows]
        done = 0
        for new, row in zip(new_rows, present, strict=True):
            if row is None:
                statement.put(table, new)
            elif fits(row, new, given):
                statement.put(table, {**row, **{name: value(row, new, given) for name, value in sets}})
            else:
                continue
            done += 1
        return done

    return run


def _sets(table: str, text: str) -> list[tuple[str, Value]]:
    sets = []
    for part in re.split(r",\s*(?![^(]*\))", text):
        name, _, value = part.strip().partition(" = ")
        sets.append((name, _value(table, value)))
    return sets


def _always(row: Row, new: Mapping[str, Any], given: Sequence[Any]) -> bool:
    return True


def _conditions(table: str, text: str) -> Condition:
    fits: Condition = _always
    for part in reversed(text.split(" and ") if text else []):
        condition = _condition(table, part)
        fits = condition if fits is _always else _both(condition, fits)
    return fits


def _both(one: Condition, other: Condition) -> Condition:
    return lambda row, new, given: one(row, new, given) and other(row, new, given)


def _condition(table: str, text: str) -> Condition:
    if found := re.fullmatch(r"not (?:\w+\.)?(\w+)", text):
        return lambda row, new, given, name=found[1]: not row[name]  # type: ignore[misc]
    if found := re.fullmatch(r"(?:\w+\.)?(\w+) is (not )?null", text):
        return lambda row, new, given, name=found[1], no=bool(found[2]): (row[name] is None) != no  # type: ignore[misc]
    if found := re.fullmatch(r"(?:\w+\.)?(\w+) = any\(\$(\d+)(?:::\w+\[\])?\)", text):
        return lambda row, new, given, name=found[1], at=int(found[2]) - 1: row[name] in given[at]  # type: ignore[misc]
    if found := re.fullmatch(rf"(?:{table}\.|[a-z]\.)?(\w+) = \$(\d+)(?:::\w+)?", text):
        return lambda row, new, given, name=found[1], at=int(found[2]) - 1: row[name] == given[at]  # type: ignore[misc]
    if found := re.fullmatch(r"(\S+) (=|<|>|<>) (\S+)", text):
        left, right = _value(table, found[1]), _value(table, found[3])
        compare = COMPARED[found[2]]
        return lambda row, new, given: compare(left(row, new, given), right(row, new, given))
    raise Unreadable(text)


def _equals(table: str, text: str) -> dict[str, str]:
    """Which column of the table is which of the new rows."""
    return {found[1]: found[2] for found in re.finditer(rf"\b{table}\.(\w+) = (?:new|next)\.(\w+)\b", text)}


def _value(table: str, text: str) -> Value:
    if text in LITERALS:
        return lambda row, new, given: LITERALS[text]
    if found := re.fullmatch(r"\$(\d+)(?:::\w+)?", text):
        return lambda row, new, given, at=int(found[1]) - 1: given[at]  # type: ignore[misc]
    if found := re.fullmatch(r"'(\w*)'", text):
        return lambda row, new, given, word=found[1]: word  # type: ignore[misc]
    if found := re.fullmatch(r"(?:new|next|excluded)\.(\w+)", text):
        return lambda row, new, given, name=found[1]: new[name]  # type: ignore[misc]
    if found := re.fullmatch(rf"(?:{table}\.|[a-z]\.)?(\w+)", text):
        return lambda row, new, given, name=found[1]: row[name]  # type: ignore[misc]
    if found := re.fullmatch(rf"least\({table}\.(\w+), new\.(\w+)\)", text):
        return lambda row, new, given, a=found[1], b=found[2]: _least(row[a], new[b])  # type: ignore[misc]
    if found := re.fullmatch(
        rf"case when new\.(\w+) = '(\w+)' then coalesce\(new\.(\w+), {table}\.\w+\) end", text
    ):
        of, word, name = found[1], found[2], found[3]
        return lambda row, new, given: (
            (new[name] if new[name] is not None else row[name]) if new[of] == word else None
        )
    raise Unreadable(text)


def _least(*values: Any) -> Any:
    """PostgreSQL's: nulls do not count."""
    return min((value for value in values if value is not None), default=None)
