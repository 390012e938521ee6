"""Lists: at most 500 items, an opaque cursor, and the next page's address in a Link header (RFC 8288)."""

import base64
import binascii
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from shared.errors import Rejected
from shared.http.numbers import INT8_MAX
from shared.http.responses import json_response

MAX_LIMIT: Final = 500
DEFAULT_LIMIT: Final = 100
MAX_CURSOR_CHARACTERS: Final = 1024

T = TypeVar("T")
Row = TypeVar("Row")


class Page:
    """A dependency: which part of a list is wanted. `page: Annotated[Page, Depends()]`."""

    def __init__(
        self,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
        cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_CHARACTERS)] = None,
    ) -> None:
        self.request = request
        self.limit = limit
        self.cursor = cursor

    @property
    def fetch(self) -> int:
        """How many rows to ask the database for: one more tells whether there is a next page."""
        return self.limit + 1

    def after(self, shape: type[T]) -> T | None:
        """The values after which the page starts, e.g. `after(tuple[PositiveInt4, UUID])`; None at the beginning.

        Raises `Rejected` (400 `CURSOR_INVALID`).
        """
        return None if self.cursor is None else decode_cursor(self.cursor, shape)

    def split(self, rows: Sequence[Row]) -> tuple[Sequence[Row], Row | None]:
        """Of `fetch` rows: those of this page, and its last one if there is a next page."""
        if len(rows) <= self.limit:
            return rows, None
        return rows[: self.limit], rows[self.limit - 1]


def page_response(page: Page, items: Sequence[object], next_values: Sequence[object] | None) -> Response:
    """`{"items": […], "next": cursor | null}`; `next_values` are the last item's, None on the last page."""
    if next_values is None:
        return json_response({"items": items, "next": None})
    cursor = encode_cursor(next_values)
    query = [(name, value) for name, value in page.request.query_params.multi_items() if name != "cursor"]
    address = f"{quote(page.request.scope['path'])}?{urlencode([*query, ('cursor', cursor)])}"
    return json_response({"items": items, "next": cursor}, headers={"Link": f'<{address}>; rel="next"'})


def encode_cursor(values: Sequence[object]) -> str:
    """URL-safe base64, without padding, of the values' JSON."""
    return base64.urlsafe_b64encode(msgspec.json.encode(tuple(values))).rstrip(b"=").decode()


def decode_cursor(cursor: str, shape: type[T]) -> T:
    """The values of a cursor, if they have the types of `shape` and the database can hold them.

    Raises `Rejected` (400 `CURSOR_INVALID`).
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values: T = _decoder(cast(Hashable, shape)).decode(raw)
        held = not isinstance(values, tuple | list) or all(_fits(value) for value in values)
    except (binascii.Error, ValueError, RecursionError):
        held = False
    if not held:
        raise Rejected("The cursor is not one that this list gave.", code="CURSOR_INVALID")
    return values


def _fits(value: Any) -> bool:
    if isinstance(value, int):
        return -INT8_MAX <= value <= INT8_MAX
    return not isinstance(value, str) or "\x00" not in value


@lru_cache(maxsize=64)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)
