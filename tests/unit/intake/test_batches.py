"""Batches: one event that is not JSON is refused alone, and an array that cannot be read names the place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.decide.events import BrokenEvent, open_event
from services.intake.inbox.batches import BatchUnreadable, split_batch

GOOD = b'{"id": "1", "text": "a \\" ] } , [ { // /* */"}'

NOT_JSON = [
    b'{"name": "\\ud83d"}',
    b'{"amount": NaN}',
    b'{"a": 1 /* , ] } " */}',
    b'{"a": 1, // half, a "line\n "b": 2}',
    b'{"a": 1,}',
    b"{'a': 1}",
    b"nonsense",
    b'{"a": [1, {"b": 2,}]}',
    b'{"a": "\xff"}',
    b'{"a": "tab\there"}',
]


def items(body: bytes) -> list[bytes]:
    return [bytes(item) for item in split_batch(body)]


@pytest.mark.parametrize("bad", NOT_JSON)
@pytest.mark.parametrize("position", [0, 50, 99])
def test_one_event_of_a_hundred_that_is_not_json_is_refused_alone(bad: bytes, position: int) -> None:
    events = [GOOD] * 100
    events[position] = bad
    found = items(b" [ " + b" ,\n".join(events) + b" ] ")
    assert found == events
    opened = open_event(found[position])
    assert isinstance(opened, BrokenEvent)
    assert next(error.code for error in opened.errors) in {"EVENT_INVALID", "SPECVERSION_MISSING"}
    assert json.loads(found[(position + 1) % 100]) == json.loads(GOOD)


@pytest.mark.parametrize(
    ("body", "offset", "index"),
    [
        (b"", 0, 0),
        (b"  ", 2, 0),
        (b"{}", 0, 0),
        (b"[", 1, 0),
        (b"[{}", 3, 0),
        (b"[{},", 4, 1),
        (b"[{},]", 4, 1),
        (b"[{},,{}]", 4, 1),
        (b"[{}, {]", 6, 1),
        (b"[{}] x", 5, 0),
        (b'[{}, {"a": "b}]', 11, 1),
        (b"[" + b"[" * 2000, 1000, 0),
    ],
)
def test_an_array_that_cannot_be_read_names_the_byte_and_the_event(
    body: bytes, offset: int, index: int
) -> None:
    with pytest.raises(BatchUnreadable) as caught:
        items(body)
    assert (caught.value.offset, caught.value.index) == (offset, index)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(VALUES, max_size=6), st.integers(0, 6), st.booleans())
def test_cutting_gives_the_same_items_as_decoding(
    values: list[object], position: int, ascii_only: bool
) -> None:
    encoded = [json.dumps(value, ensure_ascii=ascii_only).encode() for value in values]
    assert items(b"[" + b",".join(encoded) + b"]") == encoded
    encoded.insert(min(position, len(encoded)), b"NaN")
    assert items(b"[" + b",".join(encoded) + b"]") == encoded
