"""Whatever upstream sends: an answer, never an exception, never an echo."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.intake.crypto.digests import content_bytes, content_digest
from services.intake.decide.binary_mode import open_record
from services.intake.decide.events import BrokenEvent, InboundEvent, open_event
from services.intake.decide.messages import FIELDS, INBOUND_TYPES, parse
from services.intake.decide.student_registered import RegisterStudent
from shared.errors import FieldError
from tests.unit.intake.examples import DATA, MAC, TODAY, document, student

NAMES = sorted(FIELDS)
SECRET = "s3cr٣t"
TEXT = st.text(max_size=12).map(lambda text: text + SECRET) | st.sampled_from(
    ["", "0", "۱۲", "1332073689", "زن"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(INBOUND_TYPES)), st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_parsing_gives_a_command_or_errors_that_repeat_no_value(kind: str, data: dict[str, object]) -> None:
    event = InboundEvent(id="1", source="s", type=kind, occurred_at=None, traceparent=None, data=data)
    answer = parse(event, TODAY)
    assert not isinstance(answer, tuple) or answer
    if isinstance(answer, tuple):
        assert_no_echo(answer)
        assert len({(error.pointer, error.code) for error in answer}) == len(answer)
        assert all(error.pointer.removeprefix("/data/") in NAMES for error in answer)


@given(
    VALUES,
    st.dictionaries(
        st.sampled_from(
            [
                "specversion",
                "id",
                "source",
                "type",
                "time",
                "datacontenttype",
                "traceparent",
                "data",
                "data_base64",
            ]
        ),
        VALUES,
    ),
)
def test_opening_gives_an_event_or_errors_that_repeat_no_value(
    whole: object, attributes: dict[str, object]
) -> None:
    valid = document("student")
    bare = {name: value for name, value in valid.items() if name != "data"}
    for value in (whole, attributes, {**valid, **attributes}, {**bare, **attributes}):
        opened = open_event(json.dumps(value).encode("utf-8", "surrogatepass"))
        if isinstance(opened, BrokenEvent):
            assert opened.errors
            assert_no_echo(opened.errors)
        else:
            parse(opened, TODAY)
            content_digest(MAC, opened)


@given(
    st.binary(max_size=60),
    st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "ce_specversion", "ce_time", "content-type", "x"]),
            st.none() | st.binary(max_size=12),
        )
    ),
)
def test_any_bytes_are_opened_or_refused(value: bytes, headers: list[tuple[str, bytes | None]]) -> None:
    for opened in (open_event(value), open_record(headers, value)):
        assert isinstance(opened, InboundEvent) or opened.errors


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=6), st.randoms())
def test_content_does_not_depend_on_the_order_of_keys(data: dict[str, object], random: Any) -> None:
    shuffled = list(data.items())
    random.shuffle(shuffled)

    def opened(content: dict[str, object], indent: int | None) -> bytes:
        text = json.dumps({**document("student"), "data": content}, indent=indent)
        event = open_event(text.encode())
        return content_bytes(event) if isinstance(event, InboundEvent) else b""

    assert opened(data, None) == opened(dict(shuffled), 2)


def assert_no_echo(errors: tuple[FieldError, ...]) -> None:
    for error in errors:
        assert SECRET not in f"{error.pointer}{error.code}{error.message}{error.message_fa}"


def test_the_examples_cover_every_inbound_type() -> None:
    assert set(DATA) == INBOUND_TYPES
    assert isinstance(student(), RegisterStudent)
