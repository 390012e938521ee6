"""A page of a log: each row is what its event, its hash and its neighbour make it, or the first that is not is named."""

from typing import Any

import pytest

from services.audit.decide.findings import Difference
from services.audit.query.service_check import first_difference
from shared.contracts.envelope import NO_HASH, decode, leaf_hash
from shared.verification.findings import LogPage
from shared.verification.log_pages import LogRow, check_page, traceparent_digest
from tests.chains import Chain

ROWS = 5


def rows() -> list[LogRow]:
    """A log of five events."""
    chain = Chain("intake", 3)
    for number in range(ROWS):
        chain.add("rahnama.intake.some.v1", f"mentor/{number}", b'{"version":%d}' % (number + 1), "default")
    return [
        LogRow(
            number, "rahnama.intake.some.v1", "default", f"mentor/{number - 1}", number, value, leaf_hash(value),
            cause_of(value), "00-trace",
        )
        for number, value in enumerate(chain.values, 1)
    ]  # fmt: skip


def cause_of(value: bytes) -> str:
    return decode(value).causationid


def page_of(
    kept: list[LogRow], after: int = 0, previous: bytes | None = NO_HASH, head: int = ROWS
) -> LogPage:
    return check_page("intake", 3, after, head, previous, kept)


def test_an_untouched_page_has_every_hash_and_no_difference() -> None:
    page = page_of(rows())
    assert page.difference is None
    assert page.hashes == tuple(row.hash.hex() for row in rows())
    assert page.traceparents == (traceparent_digest("00-trace"),) * ROWS


def test_a_page_shows_no_traceparent_which_may_be_another_tenants() -> None:
    page = page_of([rows()[0], rows()[1]._replace(traceparent=None)])
    assert page.traceparents[1] is None
    assert page.traceparents[0] is not None
    assert "00-trace" not in page.traceparents[0]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("type", "rahnama.intake.other.v1"),
        ("tenant", "elsewhere"),
        ("subject", "mentor/99"),
        ("version", 9),
        ("causation_id", "00"),
    ],
)
def test_a_column_that_is_not_what_the_event_holds_is_named(column: str, value: Any) -> None:
    kept = rows()
    kept[2] = kept[2]._replace(**{column: value})
    page = page_of(kept)
    assert page.difference is not None
    assert page.difference.key == {"partition": "3", "sequence": "3"}
    assert page.difference.columns == (column,)


def test_a_value_without_its_hash_is_named_and_its_own_hash_is_reported() -> None:
    kept = rows()
    forged = kept[2].value.replace(b"mentor/2", b"mentor/8")
    kept[2] = kept[2]._replace(value=forged)
    page = page_of(kept)
    assert page.difference is not None
    assert page.difference.key["sequence"] == "3"
    assert {"value", "hash", "subject"} == set(page.difference.columns)
    assert page.hashes[2] == leaf_hash(forged).hex()


def test_an_event_that_does_not_follow_the_one_before_it_is_named() -> None:
    kept = rows()
    page = page_of(kept[2:], after=2, previous=leaf_hash(b"another"))
    assert page.difference is not None
    assert (page.difference.key["sequence"], page.difference.columns) == ("3", ("value",))


@pytest.mark.parametrize(("missing", "sequence"), [(0, "1"), (2, "3")])
def test_a_missing_row_ends_the_page_and_is_named(missing: int, sequence: str) -> None:
    kept = rows()
    del kept[missing]
    page = page_of(kept)
    assert page.difference is not None
    assert (page.difference.key["sequence"], page.difference.columns) == (sequence, ())
    assert len(page.hashes) == missing


def test_a_log_that_ends_before_its_head_or_beyond_it_is_named() -> None:
    before = page_of([], after=ROWS, previous=rows()[-1].hash, head=ROWS + 1)
    beyond = page_of(rows(), head=ROWS - 1)
    assert before.difference is not None
    assert beyond.difference is not None
    assert before.difference.key["sequence"] == "6"
    assert beyond.difference.key["sequence"] == "5"


def kept_of(page: LogPage) -> dict[int, tuple[str, str | None]]:
    return {number: (digest, "00-trace") for number, digest in enumerate(page.hashes, page.after + 1)}


def test_the_first_event_that_the_ledger_holds_differently_is_named() -> None:
    page = page_of(rows())
    kept = kept_of(page)
    kept[4] = ("00" * 32, "00-trace")
    kept[5] = (kept[5][0], "00-other")
    first = first_difference(page, kept, None)
    assert first is not None
    assert (first.key["sequence"], first.columns) == ("4", ("value",))
    del kept[4]
    second = first_difference(page, kept, None)
    assert second is not None
    assert (second.key["sequence"], second.columns) == ("5", ("traceparent",))


def test_the_log_is_not_blamed_for_what_the_ledger_is_known_to_hold_wrongly() -> None:
    page = page_of(rows())
    kept = kept_of(page)
    kept[4] = ("00" * 32, "00-trace")
    known = Difference("intake", 3, 4, "ledger", None, None, "…")
    assert first_difference(page, kept, known) is None
    assert first_difference(page, kept, Difference("intake", 3, 4, "topic", None, None, "…")) is not None
