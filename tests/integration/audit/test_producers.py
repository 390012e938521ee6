"""The services that audit asks: a limit of the caller there is waited for, for a bounded time."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.audit.query.producers import ATTEMPTS, Producers, ProducerUnreachable
from tests.serving import served

REPORT = {"facts": 1, "rows": {"mentors": 2}, "differences": [], "seconds": 0.1}


class Limited:
    """A service that refuses the first requests with 429."""

    def __init__(self, refusals: int) -> None:
        self._refusals = refusals
        self.asked = 0
        self.app = Starlette(
            routes=[Route("/v1/verification/read-models", self._read_models, methods=["POST"])]
        )

    async def _read_models(self, _request: Request) -> Response:
        self.asked += 1
        if self.asked <= self._refusals:
            return JSONResponse({"code": "EXPENSIVE_READ_RUNNING"}, 429, {"Retry-After": "0"})
        return JSONResponse(REPORT)


async def test_a_verification_waits_for_the_callers_other_read() -> None:
    service = Limited(refusals=ATTEMPTS - 1)
    async with served(service.app, lifespan="off") as address:
        producers = Producers.at({"intake": address}, 60)
        try:
            report = await producers.read_models("intake", "Bearer x")
        finally:
            await producers.stop()
    assert (report.facts, service.asked) == (1, ATTEMPTS)


async def test_a_service_that_refuses_for_too_long_counts_as_unreachable() -> None:
    service = Limited(refusals=1000)
    async with served(service.app, lifespan="off") as address:
        producers = Producers.at({"intake": address}, 60)
        try:
            with pytest.raises(ProducerUnreachable, match="429"):
                await producers.read_models("intake", "Bearer x")
        finally:
            await producers.stop()
    assert service.asked == ATTEMPTS
