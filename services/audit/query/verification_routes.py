"""Verifications over REST."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.query.record_routes import Source
from services.audit.query.verifier import Verifier
from shared.http import Caller, ExpensiveReads, JsonBody, json_response, require

EVERY_SOURCE: Final[tuple[Source, ...]] = ("intake", "allocation")


class VerificationRequest(BaseModel):
    """Which logs are verified: all of them unless some are named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=len(EVERY_SOURCE))] = EVERY_SOURCE


WANTED: Final = JsonBody(VerificationRequest, default=VerificationRequest())


def verification_routes(verifier: Verifier, expensive: ExpensiveReads) -> APIRouter:
    """`/v1/verifications`."""
    routes = APIRouter(tags=["verifications"])

    @routes.post("/v1/verifications", openapi_extra=WANTED.openapi)
    async def verify(request: Request, caller: Annotated[Caller, Depends(require("auditor"))]) -> Response:
        """Computes every chain and root again, from the ledger and from the topics, and compares them.

        Then asks the services that own the logs, with the caller's token: their logs and read models are compared, too.

        Answers when it is done: 200 with the report, whether it verified or not; 429 while an expensive read of the
        caller runs, 503 while a verification of its tenant does.
        """
        sources = (await WANTED.read(request)).sources
        with expensive.verification_slot(caller):
            report = await verifier.verify(sources, request.headers.get("authorization", ""))
        return json_response(report)

    return routes
