"""Every query on the way of an event: the plain ones read from their text, the others written again.

`tests/integration/simulation` runs each of them against this double and against PostgreSQL, with the same results.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from services.intake.decide.messages import REFERENCE_TABLES
from services.intake.project.upsert import upsert
from shared.postgres import named_queries
from tests.simulation import erasure_queries, intake_queries, log_queries, reader_queries
from tests.simulation.plain_sql import Unreadable, plain
from tests.simulation.statements import QUERIES, Record
from tests.simulation.written import WRITTEN

MODULES: Final = (log_queries, intake_queries, erasure_queries, reader_queries)
UPSERTS: Final = "upserts"
"""In place of a file: the statements that are made of a table's columns, by its name."""
FILES: Final = (
    ("shared.append", "queries.sql"),
    ("shared.inbox", "queries.sql"),
    ("shared.relay", "queries.sql"),
    ("services.intake.append", "queries.sql"),
    ("services.intake.append", "inbound.sql"),
    ("services.intake.append", "erasure.sql"),
    ("services.intake.project", "queries.sql"),
    ("services.intake.project", "erasure.sql"),
    ("services.intake.project", UPSERTS),
    ("services.intake.relay", "queries.sql"),
    ("services.allocation.project", "queries.sql"),
    ("services.audit.project", "queries.sql"),
)


def queries_of(package: str, file: str) -> Mapping[str, str]:
    """The text of each by its name."""
    if file == UPSERTS:
        return {table.name: upsert(table) for table in REFERENCE_TABLES}
    return named_queries(package, file)


@cache
def load_queries() -> dict[tuple[str, str], str]:
    """Makes all of them known by their text; returns the names of those that nobody has written, with why."""
    unknown = {}
    for package, file in FILES:
        for name, text in queries_of(package, file).items():
            try:
                QUERIES[text] = WRITTEN.get((package, name)) or plain(text)
            except Unreadable as error:
                unknown[package, name] = str(error)
    QUERIES["select 1"] = lambda statement: [Record({"?column?": 1})]
    return unknown
