"""Pages: every item once, in order, whatever the limit; and cursors that only this list made."""

import base64
import contextlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Rejected
from shared.http import PositiveInt4, decode_cursor, encode_cursor
from shared.http.pages import MAX_LIMIT
from tests.unit.http.conftest import NUMBERS


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 11, 12, MAX_LIMIT])
async def test_following_next_gives_every_item_once(
    client: httpx.AsyncClient, operator: dict[str, str], limit: int
) -> None:
    address: str | None = f"/v1/students?limit={limit}&year=1403"
    seen: list[int] = []
    while address is not None:
        answer = await client.get(address, headers=operator)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        assert all(item["year"] == 1403 for item in page["items"])
        seen += [item["number"] for item in page["items"]]
        following = answer.links.get("next", {}).get("url")
        assert (following is None) == (page["next"] is None)
        if page["next"] is not None:
            assert page["next"] in str(following)
        address = following
    assert seen == NUMBERS


@pytest.mark.parametrize("limit", ["0", "-1", "501", "x", "99999999999999999999"])
async def test_a_limit_out_of_range_is_refused(
    client: httpx.AsyncClient, operator: dict[str, str], limit: str
) -> None:
    answer = await client.get(f"/v1/students?limit={limit}", headers=operator)
    assert (answer.status_code, answer.json()["code"]) == (422, "LIMIT_INVALID")


def cursor_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


WRONG_CURSORS = [
    "x",
    "!!!",
    "é",
    "",
    " ",
    cursor_of("[1, 2]"),
    cursor_of("[]"),
    cursor_of("1"),
    cursor_of("null"),
    cursor_of('["1"]'),
    cursor_of("[0]"),
    cursor_of("[2147483648]"),
    cursor_of("[1e3"),
    cursor_of("[" * 500),
    cursor_of("[true]"),
]


@pytest.mark.parametrize("cursor", WRONG_CURSORS)
async def test_a_cursor_that_this_list_did_not_give_is_a_bad_request(
    client: httpx.AsyncClient, operator: dict[str, str], cursor: str
) -> None:
    answer = await client.get("/v1/students", params={"cursor": cursor}, headers=operator)
    assert (answer.status_code, answer.json()["code"]) == (400, "CURSOR_INVALID")


@given(
    st.tuples(st.integers(-(2**63) + 1, 2**63 - 1), st.text().filter(lambda t: "\x00" not in t), st.uuids())
)
def test_a_cursor_gives_back_its_values_and_is_safe_in_an_address(values: tuple[int, str, UUID]) -> None:
    cursor = encode_cursor(values)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, tuple[int, str, UUID]) == values


def test_a_cursor_may_hold_times_and_nulls() -> None:
    values = (datetime(2026, 1, 1, tzinfo=UTC), None)
    assert decode_cursor(encode_cursor(values), tuple[datetime, int | None]) == values


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("[9223372036854775808]", tuple[int]),
        ("[-9223372036854775809]", tuple[int]),
        ('["a\\u0000"]', tuple[str]),
        ('["\\ud800"]', tuple[str]),
        ('["not-a-uuid"]', tuple[UUID]),
        ("[-1]", tuple[PositiveInt4]),
    ],
)
def test_a_cursor_with_values_that_the_database_cannot_hold_is_refused(text: str, shape: type[Any]) -> None:
    with pytest.raises(Rejected) as refused:
        decode_cursor(cursor_of(text), shape)
    assert refused.value.code == "CURSOR_INVALID"


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_cursors(text: str) -> None:
    with contextlib.suppress(Rejected):
        assert isinstance(decode_cursor(text, tuple[int, str]), tuple)
