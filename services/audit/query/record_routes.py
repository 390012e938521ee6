"""The ledger over REST: lists of records, and one record with its exact bytes."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Header, Query
from pydantic import Field
from starlette.responses import Response

from services.audit.query.records import LAST_SEQUENCE, Kept, RecordPosition, Records, Wanted
from shared.errors import NotFound
from shared.http import (
    Caller,
    CountInt8,
    ExpensiveReads,
    MinPosition,
    Page,
    PartitionNumber,
    ShortText,
    json_response,
    page_response,
    require,
)
from shared.http.numbers import INT8_MAX

_UUID: Final = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NDJSON: Final = "application/x-ndjson"
EVENT: Final = "application/cloudevents+json"

Auditor = Annotated[Caller, Depends(require("auditor"))]
Source = Literal["intake", "allocation"]
SequenceNumber = Annotated[int, Field(ge=1, le=INT8_MAX)]
Accept = Annotated[str, Header(max_length=1024)]


class Filters:
    """A dependency: which records are wanted."""

    def __init__(
        self,
        source: Annotated[Source | None, Query()] = None,
        partition: Annotated[PartitionNumber | None, Query()] = None,
        type_: Annotated[ShortText | None, Query(alias="type")] = None,
        subject: Annotated[ShortText | None, Query()] = None,
        first: Annotated[SequenceNumber, Query(alias="from")] = 1,
        last: Annotated[SequenceNumber, Query(alias="to")] = LAST_SEQUENCE,
    ) -> None:
        self._fields = (source, partition, type_, _canonical(subject), first, last)

    def wanted(self, tenant: str, after: RecordPosition | None) -> Wanted:
        """The same, for one tenant and page."""
        return Wanted(tenant, *self._fields, after)


def _canonical(subject: str | None) -> str | None:
    """A subject as logs name it: its UUID in lower case (RFC 9562, section 4)."""
    kind, slash, name = (subject or "").partition("/")
    return kind + slash + name.lower() if _UUID.fullmatch(name) else subject


def record_routes(records: Records, expensive: ExpensiveReads) -> APIRouter:
    """`/v1/records` and `/v1/records/{source}/{partition}/{sequence}`."""
    routes = APIRouter(tags=["records"], dependencies=[MinPosition])

    @routes.get("/v1/records")
    async def list_records(
        caller: Auditor,
        filters: Annotated[Filters, Depends()],
        page: Annotated[Page, Depends()],
        accept: Accept = "",
    ) -> Response:
        """Records by source, partition and sequence; each partition's list grows only at its end.

        `from` and `to` are sequences. With `type` or `subject` only the tenant's own are found, and a page may
        hold fewer than `limit` although there is a next one. As `application/x-ndjson` a line is one event.
        With `type` and without `subject` the ledger is scanned: 429 while an expensive read of the caller runs.
        """
        after = page.after(tuple[str, Annotated[int, msgspec.Meta(ge=0, le=255)], CountInt8])
        wanted = filters.wanted(caller.tenant, RecordPosition(*after) if after else None)
        with expensive.slot(caller, scans=wanted.type is not None and wanted.subject is None):
            found, cut_at = await records.some(wanted, page.fetch)
        items, last = page.split(found)
        answer = page_response(page, items, last.place if last else cut_at)
        return _lines(items, answer.headers.get("link")) if NDJSON in accept else answer

    @routes.get("/v1/records/{source}/{partition}/{sequence}")
    async def read_record(
        caller: Auditor,
        source: ShortText,
        partition: PartitionNumber,
        sequence: SequenceNumber,
        accept: Accept = "",
    ) -> Response:
        """One record; as `application/cloudevents+json` its exact bytes, of which `hash` is the leaf hash."""
        record = await records.one(caller.tenant, RecordPosition(source, partition, sequence))
        if EVENT not in accept:
            return json_response(record)
        if record.event is None:
            raise NotFound("There is no such record.")
        return Response(bytes(record.event), media_type=f"{EVENT}; charset=UTF-8")

    return routes


def _lines(items: Sequence[Kept], link: str | None) -> Response:
    """An event's exact bytes a line; of another tenant's, where it stands and its hash."""
    body = b"".join(_line(item) + b"\n" for item in items)
    return Response(body, headers={"Link": link} if link else {}, media_type=NDJSON)


def _line(item: Kept) -> bytes:
    if item.event is not None:
        return bytes(item.event)
    shown: dict[str, Any] = {
        name: getattr(item, name) for name in ("source", "partition", "sequence", "hash")
    }
    return msgspec.json.encode(shown)
