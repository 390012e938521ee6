"""`/v1/rejections`: what was refused and why; never what it said."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec
from fastapi import APIRouter, Depends

from shared.errors import NotFound
from shared.http.auth.callers import ADMIN, Caller, CenterLimit
from shared.http.auth.roles import require
from shared.http.expensive_reads import ExpensiveReads
from shared.http.pages import Page, page_response
from shared.http.positions import MinPosition
from shared.http.responses import json_response
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("services.intake.query")
NO_TENANT: Final = ""
"""Whose what came over Kafka from an unknown source is: the installation's own administrators see it."""

Reader = Annotated[Caller, Depends(require("operator", "auditor", centers=CenterLimit.APPLIED))]


def rejections_router(pool: Pool, expensive: ExpensiveReads) -> APIRouter:
    """The routes. A caller limited to centres sees the rejections whose event named one of them, readably."""
    router = APIRouter(tags=["rejections"], dependencies=[MinPosition])

    @router.get("/v1/rejections")
    async def list_rejections(
        caller: Reader, page: Annotated[Page, Depends()], status: Literal["open"] | None = None
    ) -> Any:
        """Refusals in the order in which they came.

        With `status`, a token limited to centres or an administrator's, which no index serves: 429 while an expensive
        read of the caller runs.
        """
        values = page.after(tuple[UUID])
        after = values[0] if values is not None else UUID(int=0)
        tenants = _tenants(caller)
        scans = len(tenants) > 1 or status is not None or caller.centers is not None
        with expensive.slot(caller, scans=scans):
            found = await pool.fetch(
                QUERIES["rejections"], tenants, after, status, caller.center_filter(), page.fetch
            )
        rows, last = page.split(found)
        next_values = (last["rejection_id"],) if last is not None else None
        return page_response(page, [_item(row) for row in rows], next_values)

    @router.get("/v1/rejections/{rejection_id}")
    async def read_rejection(rejection_id: UUID, caller: Reader) -> Any:
        """One refusal."""
        row = await pool.fetchrow(
            QUERIES["rejection"], _tenants(caller), rejection_id, caller.center_filter()
        )
        if row is None:
            raise NotFound("No such rejection.")
        return json_response(_item(row))

    return router


def _tenants(caller: Caller) -> list[str]:
    return [caller.tenant, NO_TENANT] if ADMIN in caller.roles else [caller.tenant]


def _item(row: asyncpg.Record) -> dict[str, Any]:
    place = None
    if row["inbound_partition"] is not None:
        place = {"partition": row["inbound_partition"], "offset": row["inbound_offset"]}
    return {
        "rejection_id": str(row["rejection_id"]),
        "status": row["status"],
        "causation_id": row["causation_id"],
        "type": row["type"],
        "errors": msgspec.Raw(row["errors"].encode()),
        "door": row["door"],
        "inbound": place,
        "received_at": row["received_at"],
    }
