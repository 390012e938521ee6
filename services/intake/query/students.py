"""`/v1/students`: an item per student and year, without personal data."""

import asyncio
import time
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.intake.crypto.sealing import Keyring
from services.intake.decide import normalise
from services.intake.query.slots import SlotEnds
from shared.errors import FieldError, NotFound, Rejected
from shared.http.auth.callers import Caller, CenterLimit
from shared.http.auth.roles import require
from shared.http.expensive_reads import ExpensiveReads
from shared.http.json_bodies import JsonBody
from shared.http.numbers import CenterCode, GenderCode, Int2, PositiveInt4, Year
from shared.http.pages import Page, page_response
from shared.http.positions import MinPosition
from shared.http.problems import problem_of
from shared.http.responses import json_response
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("services.intake.query")
FIRST: Final = (-1, UUID(int=0))
MESSAGE: Final = "No such student."

Reader = Annotated[Caller, Depends(require("operator", "auditor", centers=CenterLimit.APPLIED))]


class LookupBody(BaseModel):
    """Whose pseudonym is wanted. It stands in the body because addresses end up in logs."""

    model_config = ConfigDict(extra="forbid")

    national_id: str
    year: Year


LOOKUP: Final = JsonBody(LookupBody)


def students_router(pool: Pool, keyring: Keyring, expensive: ExpensiveReads) -> APIRouter:
    """The routes. An operator limited to centres sees their students only; others do not exist."""
    router = APIRouter(tags=["students"], dependencies=[MinPosition])

    @router.get("/v1/students")
    async def list_students(
        caller: Reader,
        page: Annotated[Page, Depends()],
        year: Year | None = None,
        gender: GenderCode | None = None,
        reg_center: CenterCode | None = None,
        group_code: PositiveInt4 | None = None,
    ) -> Any:
        """Students by year and id.

        With `gender`, `reg_center`, `group_code` or a token limited to centres, which no index serves: 429 while an expensive read of the caller runs.
        """
        after = page.after(tuple[Int2, UUID]) or FIRST
        unindexed = (gender, reg_center, group_code, caller.centers)
        with expensive.slot(caller, scans=any(value is not None for value in unindexed)):
            found = await pool.fetch(
                QUERIES["students"], caller.tenant, *after, year, gender, reg_center, group_code,
                caller.center_filter(), page.fetch,
            )  # fmt: skip
        rows, last = page.split(found)
        next_values = (last["year"], last["student_id"]) if last is not None else None
        return page_response(page, [_item(row) for row in rows], next_values)

    @router.get("/v1/students/{student_id}")
    async def read_student(student_id: UUID, caller: Reader, year: Year | None = None) -> Any:
        """One student of a year, or of the latest."""
        return json_response(await _student(pool, caller, student_id, year))

    _add_lookup(router, pool, keyring)
    return router


def _add_lookup(router: APIRouter, pool: Pool, keyring: Keyring) -> None:
    ends = SlotEnds()

    @router.post("/v1/students/lookup", openapi_extra=LOOKUP.openapi)
    async def look_up_student(caller: Reader, request: Request) -> Any:
        """The student with a national ID. Its time does not show whether there is one of another centre."""
        body = await LOOKUP.read(request)
        begun = time.perf_counter()
        try:
            lookup = keyring.tenant(caller.tenant).lookup(normalise.national_id(body.national_id))
        except normalise.Invalid:
            raise _invalid() from None
        row = await pool.fetchrow(
            QUERIES["student_of_lookup"], lookup, caller.tenant, body.year, caller.center_filter()
        )
        if row is None or row["student_id"] is None:
            answer: Response = problem_of(request, NotFound(MESSAGE))
        else:
            answer = json_response(_item(row))
        return _InSlot(answer, begun, ends)


class _InSlot(Response):
    """Sends `answer` at the end of a slot: what differs between answers hides there."""

    def __init__(self, answer: Response, begun: float, ends: SlotEnds) -> None:
        super().__init__(status_code=answer.status_code)
        self._answer = answer
        self._begun = begun
        self._ends = ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._ends.after(self._begun)
        await self._answer(scope, receive, send)
        # uvloop writes to the socket at the end of its iteration: before the log line of an answer that is a problem.
        await asyncio.sleep(0)


async def _student(pool: Pool, caller: Caller, student_id: UUID, year: int | None) -> dict[str, Any]:
    rows = await pool.fetch(QUERIES["student"], caller.tenant, student_id, year, caller.center_filter())
    if not rows:
        raise NotFound(MESSAGE)
    return _item(rows[0])


def _item(row: asyncpg.Record) -> dict[str, Any]:
    item = dict(row)
    item["student_id"] = str(item["student_id"])
    item["position"] = {"partition": item.pop("partition"), "sequence": item.pop("sequence")}
    return item


def _invalid() -> Rejected:
    code = "NATIONAL_ID_INVALID"
    error = FieldError("/national_id", code, "It is no valid national ID.", "کد ملی معتبر نیست.")
    return Rejected("The national ID is not valid.", code=code, errors=(error,))
