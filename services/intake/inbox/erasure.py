"""`POST /v1/students/{student_id}/erasure`: what makes intake forget who a student was."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.intake.append.erasure import Erasure
from services.intake.append.idempotency import encoder
from shared.http.auth.callers import ADMIN, Caller
from shared.http.auth.roles import require
from shared.http.scope import traceparent_of

Admin = Annotated[Caller, Depends(require(ADMIN))]
ACCEPTED: Final = 202


def erasure_router(erasure: Erasure) -> APIRouter:
    """The route. It takes no body: an address with a pseudonym says nothing of a person."""
    router = APIRouter(tags=["students"])

    @router.post("/v1/students/{student_id}/erasure", status_code=ACCEPTED)
    async def erase_student(student_id: UUID, request: Request, caller: Admin) -> Any:
        """Destroys the student's key and all that ties it to a person. For ever; asked again, the same answer."""
        erased = await erasure.erase(caller.tenant, student_id, traceparent_of(request))
        return Response(encoder.encode(erased), ACCEPTED, media_type="application/json")

    return router
