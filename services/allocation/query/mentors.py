"""How full each mentor is, and with whom."""

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.allocation.query.reads import QUERIES, Reader, item
from shared.errors import NotFound
from shared.http import (
    Caller,
    ExpensiveReads,
    Int2,
    MinPosition,
    Page,
    PositiveInt4,
    Year,
    json_response,
    page_response,
)
from shared.postgres import Pool


def mentor_routes(pool: Pool, expensive: ExpensiveReads) -> APIRouter:
    """`/v1/mentors` and `/v1/mentors/{mentor_id}`."""
    routes = APIRouter(tags=["mentors"], dependencies=[MinPosition])

    @routes.get("/v1/mentors")
    async def mentors(caller: Reader, page: Annotated[Page, Depends()], year: Year) -> Response:
        """Mentors by id, with their load in a year.

        With a token limited to centres, which no index serves: 429 while an expensive read of the caller runs.
        """
        after = page.after(tuple[PositiveInt4])
        with expensive.slot(caller, scans=caller.centers is not None):
            found = await pool.fetch(
                QUERIES["mentors"],
                caller.tenant, year, after[0] if after else 0, None, caller.center_filter(), page.fetch,
            )  # fmt: skip
        rows, last = page.split(found)
        return page_response(
            page, [_mentor(row) for row in rows], None if last is None else [last["mentor_id"]]
        )

    @routes.get("/v1/mentors/{mentor_id}")
    async def mentor(caller: Reader, mentor_id: PositiveInt4, year: Year) -> Response:
        """One mentor with the load in a year."""
        row = await pool.fetchrow(
            QUERIES["mentors"], caller.tenant, year, 0, mentor_id, caller.center_filter(), 1
        )
        if row is None:
            raise NotFound("There is no such mentor.")
        return json_response(_mentor(row))

    return routes


def mentor_students_routes(pool: Pool) -> APIRouter:
    """`/v1/mentors/{mentor_id}/students`."""
    routes = APIRouter(tags=["allocations"], dependencies=[MinPosition])

    @routes.get("/v1/mentors/{mentor_id}/students")
    async def mentor_students(
        caller: Reader, mentor_id: PositiveInt4, page: Annotated[Page, Depends()], year: Year | None = None
    ) -> Response:
        """The students that a mentor has, by year and arrival."""
        await _require_mentor(pool, caller, mentor_id)
        after_year, arrival = page.after(tuple[Int2, int]) or (0, 0)
        rows, last = page.split(
            await pool.fetch(
                QUERIES["mentor_students"],
                caller.tenant, mentor_id, year, after_year, arrival, caller.center_filter(), page.fetch,
            )
        )  # fmt: skip
        return page_response(
            page, [item(row) for row in rows], None if last is None else [last["year"], last["arrival"]]
        )

    return routes


async def _require_mentor(pool: Pool, caller: Caller, mentor_id: int) -> None:
    if not await pool.fetchval(QUERIES["mentor_exists"], caller.tenant, mentor_id, caller.center_filter()):
        raise NotFound("There is no such mentor.")


def _mentor(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "mentor_id": row["mentor_id"],
        "capacity": row["capacity"],
        "load": row["load"],
        "active": row["active"],
        "gender": row["gender"],
        "type": row["type"],
        "alias_code": row["alias_code"],
        "manager_id": row["manager_id"],
        "manager_centers": row["manager_centers"],
        "groups": row["groups"],
        "centers": row["centers"],
        "schools": row["schools"],
        "version": row["version"],
    }
