"""What audit asks a service about its own database: pages of its log, and a replay of its read models."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Final

import asyncpg
import msgspec
import structlog
from aiokafka.errors import KafkaError
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from shared.errors import Unavailable
from shared.http import Caller, ExpensiveReads, json_response, require
from shared.http.numbers import CountInt8, PartitionNumber
from shared.postgres import TRANSIENT_ERRORS, Pool
from shared.verification.findings import MOST_DIFFERENCES, TOPIC, ReadModelReport, RowDifference
from shared.verification.log_pages import read_page

MOST_ROWS: Final = 1000
TABLES_OF_ALL_TENANTS: Final = frozenset({"log", "log_head", "log_published", "installation", "inbox", TOPIC})
"""Their keys are numbers of partitions and sequences."""

_log = structlog.get_logger("rahnama.verification")

Replay = Callable[[], Awaitable[ReadModelReport]]


class VerificationFailed(Unavailable):
    """The verification came to no verdict: the database or Kafka did not answer in time."""

    code = "VERIFICATION_FAILED"
    retry_after_seconds = 10


def verification_routes(
    pool: Pool, source: str, replay: Replay, expensive: ExpensiveReads, seconds: float
) -> APIRouter:
    """`/v1/verification/…`, for an auditor without centres. `seconds` bounds a replay."""
    routes = APIRouter(tags=["verification"])

    @routes.get("/v1/verification/log")
    async def log(
        _caller: Annotated[Caller, Depends(require("auditor"))],
        partition: PartitionNumber,
        after: Annotated[CountInt8, Query()] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = MOST_ROWS,
    ) -> Response:
        """The next rows of one partition of the log, checked, with the hashes of their bytes."""
        page = await read_page(pool, source, partition, after, limit)
        if page.difference is not None:
            _report([page.difference])
        return json_response(page)

    @routes.post("/v1/verification/read-models")
    async def read_models(caller: Annotated[Caller, Depends(require("auditor"))]) -> Response:
        """Replays the log beside the read models, at one snapshot, and names the rows that differ.

        Answers when it is done; 429 while an expensive read of the caller runs, 503 while a verification of its
        tenant does, or when it came to no verdict.
        """
        with expensive.verification_slot(caller):
            try:
                async with asyncio.timeout(seconds):
                    report = await replay()
            except asyncpg.InsufficientPrivilegeError as error:
                reason = f"{error}: run migrate, which grants the role temporary tables"
                raise VerificationFailed(f"no verdict: {reason}") from error
            except (KafkaError, *TRANSIENT_ERRORS) as error:
                raise VerificationFailed(f"no verdict: {type(error).__name__}; try again later") from error
        _report(report.differences)
        return json_response(as_seen_by(caller.tenant, report))

    return routes


def _report(differences: Iterable[RowDifference]) -> None:
    """The whole key, for the operator alone."""
    for one in differences:
        _log.error("row_differs", table=one.table, key=one.key, columns=one.columns, reason=one.message)


def as_seen_by(tenant: str, report: ReadModelReport) -> ReadModelReport:
    """The report without the keys of other tenants' rows: they are only counted."""
    shown = [
        one
        if one.table in TABLES_OF_ALL_TENANTS or one.key.get("tenant") == tenant
        else RowDifference(one.table, {"tenant": "*"}, one.columns, one.message)
        for one in report.differences[:MOST_DIFFERENCES]
    ]
    return msgspec.structs.replace(report, differences=shown)
