"""`/v1/mentors`, `/v1/managers`, `/v1/school-rosters`: what students are measured against."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Depends

from shared.errors import NotFound
from shared.http.auth.callers import Caller, CenterLimit
from shared.http.auth.roles import require
from shared.http.expensive_reads import ExpensiveReads
from shared.http.numbers import INT4_MAX, Int4, PositiveInt4, Year
from shared.http.pages import Page, page_response
from shared.http.positions import MinPosition
from shared.http.responses import json_response
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("services.intake.query")
BEFORE_ALL: Final = -1
MAX_YEAR: Final = 2**15 - 1

Reader = Annotated[Caller, Depends(require("operator", "auditor", centers=CenterLimit.APPLIED))]
RosterReader = Annotated[Caller, Depends(require("operator", "auditor", centers=CenterLimit.UNAFFECTED))]
Paged = Annotated[Page, Depends()]


def references_router(pool: Pool, expensive: ExpensiveReads) -> APIRouter:
    """The routes. Names, mobiles and addresses are sealed and not shown.

    A caller limited to centres sees the mentors and managers of at least one of them; a roster belongs to no centre.
    """
    router = APIRouter(tags=["references"], dependencies=[MinPosition])
    _add_mentors(router, pool, expensive)
    _add_managers(router, pool, expensive)
    _add_rosters(router, pool)
    return router


def _add_mentors(router: APIRouter, pool: Pool, expensive: ExpensiveReads) -> None:
    @router.get("/v1/mentors")
    async def list_mentors(
        caller: Reader, page: Paged, active: bool | None = None, manager_id: PositiveInt4 | None = None
    ) -> Any:
        """Mentors by id.

        With a filter or a token limited to centres, which no index serves: 429 while an expensive read of the caller runs.
        """
        unindexed = (active, manager_id, caller.centers)
        with expensive.slot(caller, scans=any(value is not None for value in unindexed)):
            rows = await pool.fetch(
                QUERIES["mentors"],
                caller.tenant, _after(page), active, manager_id, caller.center_filter(), page.fetch,
            )  # fmt: skip
        return _list(page, rows, lambda row: row["mentor_id"])

    @router.get("/v1/mentors/{mentor_id}")
    async def read_mentor(mentor_id: PositiveInt4, caller: Reader) -> Any:
        """One mentor."""
        row = await pool.fetchrow(QUERIES["mentor"], caller.tenant, mentor_id, caller.center_filter())
        return _one(row, "mentor")


def _add_managers(router: APIRouter, pool: Pool, expensive: ExpensiveReads) -> None:
    @router.get("/v1/managers")
    async def list_managers(caller: Reader, page: Paged) -> Any:
        """Managers by id.

        With a token limited to centres, which no index serves: 429 while an expensive read of the caller runs.
        """
        with expensive.slot(caller, scans=caller.centers is not None):
            rows = await pool.fetch(
                QUERIES["managers"], caller.tenant, _after(page), caller.center_filter(), page.fetch
            )
        return _list(page, rows, lambda row: row["manager_id"])

    @router.get("/v1/managers/{manager_id}")
    async def read_manager(manager_id: PositiveInt4, caller: Reader) -> Any:
        """One manager."""
        row = await pool.fetchrow(QUERIES["manager"], caller.tenant, manager_id, caller.center_filter())
        return _one(row, "manager")


def _add_rosters(router: APIRouter, pool: Pool) -> None:
    @router.get("/v1/school-rosters")
    async def list_rosters(caller: RosterReader, page: Paged) -> Any:
        """The years that have a roster; `schools` counts its schools."""
        after = min(_after(page), MAX_YEAR)
        rows = await pool.fetch(QUERIES["rosters"], caller.tenant, after, page.fetch)
        return _list(page, rows, lambda row: row["year"])

    @router.get("/v1/school-rosters/{year}")
    async def read_roster(year: Year, caller: RosterReader) -> Any:
        """One year's special schools."""
        return _one(await pool.fetchrow(QUERIES["roster"], caller.tenant, year), "roster")


def _after(page: Page) -> int:
    values = page.after(tuple[Int4])
    return BEFORE_ALL if values is None else min(values[0], INT4_MAX)


def _list(page: Page, rows: list[asyncpg.Record], key: Callable[[asyncpg.Record], int]) -> Any:
    shown, last = page.split(rows)
    return page_response(page, [_item(row) for row in shown], (key(last),) if last is not None else None)


def _one(row: asyncpg.Record | None, name: str) -> Any:
    if row is None:
        raise NotFound(f"No such {name}.")
    return json_response(_item(row))


def _item(row: asyncpg.Record) -> dict[str, Any]:
    item = dict(row)
    item["position"] = {"partition": item.pop("partition"), "sequence": item.pop("sequence")}
    return item
