"""How full each mentor is, and how a year stands as a whole."""

from collections.abc import Sequence
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.allocation.query.reads import QUERIES, Reader, Year, centers_of
from shared.errors import NotFound
from shared.http import MinPosition, Page, PositiveInt4, json_response, page_response
from shared.postgres import Pool

DIGITS = 6


def mentor_routes(pool: Pool) -> APIRouter:
    """`/v1/mentors`, `/v1/mentors/{mentor_id}` and `/v1/summary`."""
    routes = APIRouter(tags=["mentors"], dependencies=[MinPosition])

    @routes.get("/v1/mentors")
    async def mentors(caller: Reader, page: Annotated[Page, Depends()], year: Year) -> Response:
        """Mentors by id, with their load in a year."""
        after = page.after(tuple[PositiveInt4])
        rows, last = page.split(
            await pool.fetch(
                QUERIES["mentors"],
                caller.tenant, year, after[0] if after else 0, None, centers_of(caller), page.fetch,
            )
        )  # fmt: skip
        return page_response(
            page, [_mentor(row) for row in rows], None if last is None else [last["mentor_id"]]
        )

    @routes.get("/v1/mentors/{mentor_id}")
    async def mentor(caller: Reader, mentor_id: PositiveInt4, year: Year) -> Response:
        """One mentor with the load in a year."""
        row = await pool.fetchrow(
            QUERIES["mentors"], caller.tenant, year, 0, mentor_id, centers_of(caller), 1
        )
        if row is None:
            raise NotFound("There is no such mentor.")
        return json_response(_mentor(row))

    @routes.get("/v1/summary")
    async def summary(caller: Reader, year: Year) -> Response:
        """How many students have a mentor, how many wait and why, and how evenly the mentors are filled."""
        async with (
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            statuses = await connection.fetch(
                QUERIES["students_by_status"], caller.tenant, year, centers_of(caller)
            )
            loads = await connection.fetch(QUERIES["occupancy"], caller.tenant, year, centers_of(caller))
        return json_response({"year": year, **_students(statuses), "occupancy": occupancy(loads)})

    return routes


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


def _students(statuses: Sequence[asyncpg.Record]) -> dict[str, Any]:
    counts = dict.fromkeys(("assigned", "waitlisted", "released", "withdrawn"), 0)
    reasons: dict[str, int] = {}
    for row in statuses:
        counts[row["status"]] += row["students"]
        if row["status"] == "waitlisted":
            reasons[row["reason"]] = row["students"]
    return {"students": sum(counts.values()), **counts, "waitlisted_by_reason": reasons}


def occupancy(loads: Sequence[asyncpg.Record]) -> dict[str, Any]:
    """Of the active mentors with places: how full they are, and the Gini coefficient of that (0: all alike).

    G = Σ (2i − n − 1) xᵢ / (n Σ xᵢ) over the occupancies in ascending order (Gini 1912, by ranks).
    """
    shares = sorted(row["load"] / row["capacity"] for row in loads)
    count, total = len(shares), sum(shares)
    gini = sum((2 * place - count - 1) * share for place, share in enumerate(shares, start=1))
    return {
        "mentors": count,
        "places": sum(row["capacity"] for row in loads),
        "taken": sum(row["load"] for row in loads),
        "min": round(shares[0], DIGITS) if shares else 0,
        "mean": round(total / count, DIGITS) if shares else 0,
        "max": round(shares[-1], DIGITS) if shares else 0,
        "gini": round(gini / (count * total), DIGITS) if total else 0,
    }
