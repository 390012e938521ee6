"""Facts of the log → the read models, by what the log holds alone, as a rebuild does."""

from collections.abc import Sequence
from typing import Any, Final

from services.intake.decide.messages import FACTS, REFERENCE_TABLES
from services.intake.decide.rows import KEY_COLUMNS, Placed, Row, Table
from services.intake.decide.student_years import STUDENT_YEARS, StudentFact, withdrawal_row, year_row
from services.intake.project.erased import project_erased
from services.intake.project.upsert import upsert
from shared.contracts.facts import Fact
from shared.postgres import Connection, named_queries
from shared.project.columns import columns

QUERIES: Final = named_queries("services.intake.project")
UPSERTS: Final = {table: upsert(table) for table in REFERENCE_TABLES}
Keyed = dict[Row, tuple[Row, bool]]
"""By key, the last row of a subject, and whether the table has none of it yet."""


async def project_students(connection: Connection, groups: Sequence[Sequence[Placed[StudentFact]]]) -> None:
    """Each group holds the facts of one student and year, in the order of their versions, at least one.

    A row of a group whose first item `is_first` is added; others are added or replaced by what is newer.
    """
    fresh, changed, left = list[Row](), list[Row](), list[Row]()
    for group in groups:
        row = year_row(group)
        (left if row is None else fresh if group[0].is_first else changed).append(
            row or withdrawal_row(group)
        )
    if fresh:
        await connection.copy_records_to_table(
            STUDENT_YEARS.name, records=fresh, columns=STUDENT_YEARS.columns
        )
    if changed:
        by_column = columns(changed)
        await connection.execute(QUERIES["put_student_years"], *by_column)
        arrivals = (*by_column[:3], *by_column[-2:])
        await connection.execute(QUERIES["keep_arrivals"], *arrivals)
    if left:
        await connection.execute(QUERIES["withdraw_student_years"], *columns(left))


async def project(connection: Connection, placed: Sequence[Placed[Fact]]) -> None:
    """Brings the read models to where `placed` leads; each partition's facts in the order of the log.

    An older version of a subject than a row has changes nothing, so partitions may come in any order, and what
    was projected before may come again; but then `project_every_erased` ends it.
    """
    years: dict[tuple[str, str, int], list[Placed[Any]]] = {}
    references: dict[Table, Keyed] = {}
    erased: list[Placed[Any]] = []
    for item in placed:
        kind = FACTS[type(item.fact)]
        if kind.of_year:
            fact: Any = item.fact
            year = (item.tenant, fact.student_id, fact.year)
            group = years.get(year)
            if group is None:
                years[year] = [item]
            else:
                group.append(item)
        elif kind.reference is not None:
            row = kind.reference.row(item)
            rows = references.setdefault(kind.reference.table, {})
            before = rows.get(row[:KEY_COLUMNS])
            rows[row[:KEY_COLUMNS]] = (row, item.is_first if before is None else before[1])
        else:
            erased.append(item)
    if years:
        await project_students(connection, list(years.values()))
    for table in REFERENCE_TABLES:
        if table in references:
            await _project_references(connection, table, references[table])
    if erased:
        await project_erased(connection, erased)


async def _project_references(connection: Connection, table: Table, rows: Keyed) -> None:
    """Adds the rows of those that are there for the first time; adds or replaces the others'.

    Writers hold the tenant's reference lock, so nobody else writes them.
    """
    fresh = [row for row, is_first in rows.values() if is_first]
    changed = [row for row, is_first in rows.values() if not is_first]
    if fresh:
        await connection.copy_records_to_table(table.name, records=fresh, columns=table.columns)
    if changed:
        await connection.executemany(UPSERTS[table], changed)
