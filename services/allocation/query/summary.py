"""How a year stands as a whole."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.query.reads import QUERIES, Reader
from shared.http import ExpensiveReads, MinPosition, Year, json_response
from shared.postgres import Pool

DIGITS: Final = 6


def summary_routes(pool: Pool, expensive: ExpensiveReads) -> APIRouter:
    """`/v1/summary`."""
    routes = APIRouter(tags=["mentors"], dependencies=[MinPosition])

    @routes.get("/v1/summary")
    async def summary(caller: Reader, year: Year) -> Response:
        """How many students have a mentor, how many wait and why, and how evenly the mentors are filled.

        429 while an expensive read of the caller runs.
        """
        with expensive.slot(caller):
            async with (
                pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                statuses = await connection.fetch(
                    QUERIES["students_by_status"], caller.tenant, year, caller.center_filter()
                )
                loads = await connection.fetch(
                    QUERIES["occupancy"], caller.tenant, year, caller.center_filter()
                )
        return json_response({"year": year, **_students(statuses), "occupancy": occupancy(loads)})

    return routes


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

    `taken` counts every student who has a mentor; `over_capacity` those of them beyond their mentor's capacity, which fell
    below the load.

    G = Σ (2i − n − 1) xᵢ / (n Σ xᵢ) over the occupancies in ascending order (Gini 1912, by ranks).
    """
    shares = sorted(row["load"] / row["capacity"] for row in loads if row["capacity"])
    count, total = len(shares), sum(shares)
    gini = sum((2 * place - count - 1) * share for place, share in enumerate(shares, start=1))
    return {
        "mentors": count,
        "places": sum(row["capacity"] for row in loads),
        "taken": sum(row["load"] for row in loads),
        "over_capacity": sum(max(row["load"] - row["capacity"], 0) for row in loads),
        "min": round(shares[0], DIGITS) if shares else 0,
        "mean": round(total / count, DIGITS) if shares else 0,
        "max": round(shares[-1], DIGITS) if shares else 0,
        "gini": round(gini / (count * total), DIGITS) if total else 0,
    }
