"""HTTP, the same at every service: the app's frame, problems, tokens and roles, pages, positions, health.

app = create_app(title="Rahnama intake", version="0.1.0", lifespan=…, verifier=TokenVerifier(file, issuer),
                 health=Health(ready), positions=positions, telemetry=telemetry)

@app.get("/v1/mentors", dependencies=[MinPosition])
async def mentors(caller: Annotated[Caller, Depends(require("operator", "auditor", centers=CenterLimit.APPLIED))],
                  page: Annotated[Page, Depends()]) -> Response:
    rows, last = page.split(await read(caller.tenant, page.after(tuple[PositiveInt4]), page.fetch))
    return page_response(page, rows, None if last is None else [last.mentor_id])
"""

from shared.http.app import create_app
from shared.http.auth.callers import Caller, CenterLimit
from shared.http.auth.roles import require, require_any
from shared.http.auth.tokens import TokenVerifier, verifier_of
from shared.http.bodies import read_body, require_content_type
from shared.http.expensive_reads import ExpensiveReads
from shared.http.health import Health
from shared.http.json_bodies import JsonBody
from shared.http.numbers import CountInt8, Int2, Int4, PartitionNumber, PositiveInt4, ShortText, Year
from shared.http.pages import Page, decode_cursor, encode_cursor, page_response
from shared.http.positions import InboxPosition, LogPosition, MinPosition, PositionsSource
from shared.http.rate_limits import rate_limits_of
from shared.http.responses import json_response
from shared.http.scope import traceparent_of

__all__ = [
    "Caller",
    "CenterLimit",
    "CountInt8",
    "ExpensiveReads",
    "Health",
    "InboxPosition",
    "Int2",
    "Int4",
    "JsonBody",
    "LogPosition",
    "MinPosition",
    "Page",
    "PartitionNumber",
    "PositionsSource",
    "PositiveInt4",
    "ShortText",
    "TokenVerifier",
    "Year",
    "create_app",
    "decode_cursor",
    "encode_cursor",
    "json_response",
    "page_response",
    "rate_limits_of",
    "read_body",
    "require",
    "require_any",
    "require_content_type",
    "traceparent_of",
    "verifier_of",
]
