"""The envelope: what is an event, and what is wrong with what is none."""

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from msgspec import UNSET

from services.intake.decide.binary_mode import open_record
from services.intake.decide.events import BrokenEvent, InboundEvent, open_event
from tests.unit.intake.examples import STUDENT, document

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def opened(**attributes: Any) -> InboundEvent:
    event = open_event(json.dumps({**document("student"), **attributes}).encode())
    assert isinstance(event, InboundEvent), event
    return event


def without_exception(open_it: Callable[[], InboundEvent | BrokenEvent]) -> InboundEvent | BrokenEvent:
    try:
        return open_it()
    except Exception as error:  # whichever: every event is opened or broken
        raise AssertionError(f"an event was neither: {error!r}") from error


def broken(**attributes: Any) -> BrokenEvent:
    encoded = json.dumps({**document("student"), **attributes}).encode()
    event = without_exception(partial(open_event, encoded))
    assert isinstance(event, BrokenEvent), event
    return event


def codes(event: BrokenEvent) -> list[tuple[str, str]]:
    return [(error.pointer, error.code) for error in event.errors]


def test_a_structured_event_is_opened() -> None:
    event = opened(traceparent=TRACE, partitionkey="x", subject=None)
    assert (event.id, event.source, event.type) == (
        "student-1",
        "/upstream/demo",
        "rahnama.student.registered.v1",
    )
    assert event.occurred_at == "2025-09-23T05:00:00.000000Z"
    assert event.traceparent == TRACE
    assert event.data == STUDENT


def test_time_and_trace_are_optional_and_data_may_be_absent() -> None:
    event = open_event(b'{"specversion":"1.0","id":"1","source":"s","type":"t"}')
    assert isinstance(event, InboundEvent)
    assert (event.occurred_at, event.traceparent, event.data) == (None, None, UNSET)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z"),
        ("2026-01-01t00:00:00.5z", "2026-01-01T00:00:00.500000Z"),
        ("2026-01-01T03:30:00.123456789+03:30", "2026-01-01T00:00:00.123456Z"),
    ],
)
def test_time_is_kept_in_utc(time: str, expected: str) -> None:
    assert opened(time=time).occurred_at == expected


@pytest.mark.parametrize(
    "time", ["2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-W01-1T00:00:00Z", "0001-01-01T00:00:00+14:00", "", 5]
)  # fmt: skip
def test_another_time_is_refused(time: object) -> None:
    assert codes(broken(time=time)) == [("/time", "TIME_INVALID")]


@pytest.mark.parametrize(
    ("attribute", "value", "code"),
    [
        ("id", "", "ID_INVALID"), ("id", "x" * 129, "ID_INVALID"), ("id", 5, "ID_INVALID"), ("id", None, "ID_MISSING"),
        ("id", "a\u0000b", "ID_INVALID"), ("source", "", "SOURCE_INVALID"), ("source", "x" * 257, "SOURCE_INVALID"),
        ("source", "a\nb", "SOURCE_INVALID"), ("type", "", "TYPE_INVALID"), ("type", None, "TYPE_MISSING"),
        ("specversion", "0.3", "SPECVERSION_INVALID"), ("specversion", 1.0, "SPECVERSION_INVALID"),
        ("datacontenttype", "text/csv", "DATACONTENTTYPE_INVALID"),
    ],
)  # fmt: skip
def test_a_bad_attribute_is_named(attribute: str, value: object, code: str) -> None:
    event = broken(**{attribute: value})
    assert codes(event) == [(f"/{attribute}", code)]
    assert (event.id is None, event.source is None) == (attribute == "id", attribute == "source")


def test_all_bad_attributes_are_named_together() -> None:
    assert codes(broken(id="", source=None, specversion="2", time="now")) == [
        ("/specversion", "SPECVERSION_INVALID"), ("/id", "ID_INVALID"), ("/source", "SOURCE_MISSING"), ("/time", "TIME_INVALID"),
    ]  # fmt: skip


def test_the_longest_id_and_source_are_accepted_and_counted_in_characters() -> None:
    event = opened(id="ش" * 128, source="م" * 256)
    assert (len(event.id), len(event.source)) == (128, 256)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/x+JSON"]
)
def test_json_may_be_named_in_several_ways(content_type: str) -> None:
    assert opened(datacontenttype=content_type).data == STUDENT


@pytest.mark.parametrize("trace", ["", "00-" + "0" * 32 + "-b7ad6b7169203331-01", TRACE.upper(), 5])
def test_a_bad_trace_context_is_passed_over_not_refused(trace: object) -> None:
    assert opened(traceparent=trace).traceparent is None


@pytest.mark.parametrize(
    "value",
    [b"", b"null", b"[]", b"{", b"\xff", b'"x"', b'{"a":NaN}', b'{"a":1e999}', b"[" * 100_000, b'{"a":' * 5000,
     b'{"data":' + b"9" * 5000 + b"}", b'{"id":"\\ud800"}'],
)  # fmt: skip
def test_what_is_no_json_object_is_no_event(value: bytes) -> None:
    event = open_event(value)
    assert isinstance(event, BrokenEvent)
    assert codes(event) == [("", "EVENT_INVALID")]


def test_deep_data_is_refused_and_many_shallow_brackets_are_not() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    assert codes(broken(data={"x": deep})) == [("", "EVENT_INVALID")]
    assert opened(data={"x": [[]] * 100}).data == {"x": [[]] * 100}


def test_of_a_key_that_is_given_twice_the_last_counts() -> None:
    event = open_event(
        b'{"specversion":"1.0","id":"1","id":"2","source":"s","type":"t","data":{"a":1,"a":2}}'
    )
    assert isinstance(event, InboundEvent)
    assert (event.id, event.data) == ("2", {"a": 2})


def headers(**changes: str) -> list[tuple[str, bytes | None]]:
    attributes = document("student")
    found = {f"ce_{name}": attributes[name] for name in ("specversion", "id", "source", "type", "time")}
    found["content-type"] = "application/json"
    return [(name, value.encode()) for name, value in {**found, **changes}.items()]


def test_a_binary_record_gives_the_same_event_as_a_structured_one() -> None:
    structured = json.dumps(document("student")).encode()
    binary = open_record(headers(), json.dumps(STUDENT).encode())
    assert binary == open_event(structured)
    assert open_record([("content-type", b"application/cloudevents+json")], structured) == binary
    assert open_record([], structured) == binary


def test_what_is_wrong_with_a_binary_record_is_named() -> None:
    def wrong(found: InboundEvent | BrokenEvent) -> list[tuple[str, str]]:
        assert isinstance(found, BrokenEvent)
        return codes(found)

    assert wrong(open_record(headers(), b"{")) == [("/data", "DATA_INVALID")]
    assert wrong(open_record(headers(), b"[" * 40 + b"]" * 40)) == [("/data", "DATA_INVALID")]
    assert wrong(open_record(headers(ce_id="", ce_specversion="2"), b"{}")) == [
        ("/specversion", "SPECVERSION_INVALID"), ("/id", "ID_INVALID"),
    ]  # fmt: skip
    assert wrong(open_record([("ce_id", b"1"), ("x", None)], b"{}")) == [
        ("/specversion", "SPECVERSION_MISSING"), ("/source", "SOURCE_MISSING"), ("/type", "TYPE_MISSING"),
    ]  # fmt: skip
    assert wrong(open_record([], None)) == [("", "EVENT_INVALID")]


def test_a_binary_record_without_a_value_has_no_data() -> None:
    event = open_record(headers(), None)
    assert isinstance(event, InboundEvent)
    assert event.data is UNSET


def test_a_printed_event_shows_no_personal_data() -> None:
    assert "1332073689" not in repr(opened(id="1332073689"))


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000Z"),
        ("2017-01-01T03:29:60+03:30", "2016-12-31T23:59:59.000000Z"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000000Z"),
        ("2100-12-31T23:59:59Z", "2100-12-31T23:59:59.000000Z"),
    ],
)
def test_a_leap_second_and_the_first_and_last_year_are_times(time: str, expected: str) -> None:
    assert opened(time=time).occurred_at == expected


@pytest.mark.parametrize(
    "time",
    [
        "1404-07-01T08:30:00Z",
        "1999-12-31T23:59:59Z",
        "2101-01-01T00:00:00Z",
        "2000-01-01T00:00:00+03:30",
        "2026-01-01T12:00:60Z",
        "2026-01-01T23:59:61Z",
    ],
)
def test_an_implausible_time_is_refused(time: str) -> None:
    assert codes(broken(time=time)) == [("/time", "TIME_INVALID")]


HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"/upstream/demo"),
    ("ce_type", b"rahnama.student.registered.v1"),
    ("content-type", b"application/json"),
]


def with_header(name: str, *values: bytes) -> list[tuple[str, bytes]]:
    return [*(header for header in HEADERS if header[0] != name), *((name, value) for value in values)]


@pytest.mark.parametrize("attribute", ["id", "source", "type", "specversion", "time"])
@pytest.mark.parametrize("raw", [b"x\xff1", b"x\xfe1", "شناسه".encode("windows-1256")])
def test_an_attribute_that_is_not_utf8_is_refused_and_is_no_other_text(attribute: str, raw: bytes) -> None:
    event = open_record(with_header(f"ce_{attribute}", raw), b"{}")
    assert isinstance(event, BrokenEvent)
    assert codes(event) == [(f"/{attribute}", f"{attribute.upper()}_INVALID")]
    assert getattr(event, attribute, None) is None


@pytest.mark.parametrize("attribute", ["id", "source", "type", "time"])
def test_an_attribute_that_is_given_twice_is_refused(attribute: str) -> None:
    event = open_record(with_header(f"ce_{attribute}", b"1", b"1"), b"{}")
    assert isinstance(event, BrokenEvent)
    assert codes(event) == [(f"/{attribute}", f"{attribute.upper()}_INVALID")]


def test_a_byte_order_mark_before_an_event_is_passed_over() -> None:
    value = b"\xef\xbb\xbf" + json.dumps(document("student")).encode()
    structured = open_record([("content-type", b"application/cloudevents+json")], value)
    binary = open_record(HEADERS, b"\xef\xbb\xbf" + json.dumps(STUDENT).encode())
    for event in (structured, binary):
        assert isinstance(event, InboundEvent)
        assert event.data == STUDENT


@pytest.mark.parametrize("value", [5, 1.5, True, False, [], {}, ["bnVsbA=="]])
@pytest.mark.parametrize(
    "name", ["data_base64", "time", "datacontenttype", "id", "source", "type", "specversion"]
)
def test_an_attribute_that_is_not_text_is_refused(name: str, value: object) -> None:
    attributes = {key: given for key, given in document("student").items() if key != "data"} | {name: value}
    pointer = "/data" if name == "data_base64" else f"/{name}"
    invalid = f"{pointer[1:].upper()}_INVALID"
    document_bytes = json.dumps(attributes).encode()
    for open_it in (partial(open_event, document_bytes), partial(open_record, [], document_bytes)):
        event = without_exception(open_it)
        assert isinstance(event, BrokenEvent)
        assert codes(event) == [(pointer, invalid)]


def test_a_base64_header_that_is_given_twice_is_refused() -> None:
    twice = [("ce_data_base64", b"bnVsbA==")] * 2
    event = open_record([*HEADERS, *twice], b"")
    assert isinstance(event, BrokenEvent)
    assert codes(event) == [("/data", "DATA_INVALID")]


def test_data_in_base64_is_json() -> None:
    encoded = base64.b64encode(json.dumps(STUDENT).encode()).decode()
    given = {name: value for name, value in document("student").items() if name != "data"}
    event = open_event(json.dumps({**given, "data_base64": encoded}).encode())
    assert isinstance(event, InboundEvent)
    assert event.data == STUDENT
    for wrong in ("", "%", base64.b64encode(b"no json").decode(), "W10"):
        event = open_event(json.dumps({**given, "data_base64": wrong}).encode())
        assert isinstance(event, BrokenEvent)
        assert codes(event) == [("/data", "DATA_INVALID")]
    assert codes(broken(data_base64=encoded)) == [("/data", "DATA_INVALID")], "data is given twice"
