"""Batches: one event that is not JSON is refused alone, and an array that cannot be read names the place."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.decide.events import BrokenEvent, open_event
from services.intake.inbox.batches import BatchUnreadable, split_batch

MOST = 1_000
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
    return [bytes(item) for item in split_batch(body, MOST)]


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
        (b"[{}, /* ]", 5, 1),
        (b"[{}, /* */ /* {}]", 11, 1),
    ],
)
def test_an_array_that_cannot_be_read_names_the_byte_and_the_event(
    body: bytes, offset: int, index: int
) -> None:
    with pytest.raises(BatchUnreadable) as caught:
        items(body)
    assert (caught.value.offset, caught.value.index) == (offset, index)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", [b"/* ", b'"\\', b'" \\" ', b"//", b"// \n", b"/", b"/*/ ", b"\\", b" ", b"'"]
)
def test_a_megabyte_of_what_never_closes_is_refused_in_linear_time(piece: bytes) -> None:
    with pytest.raises(BatchUnreadable):
        items(b"[" + piece * (1_048_576 // len(piece)))


@pytest.mark.parametrize("item", [b"0", b"[0,0]", b'{"a":0,"b":0}', b'","'])
def test_a_batch_of_millions_is_cut_no_further_than_it_is_read(item: bytes) -> None:
    body = b"[" + b",".join([item] * (8_388_608 // (len(item) + 1))) + b"]"
    tracemalloc.start()
    try:
        read = [bytes(found) for found, _ in zip(split_batch(body, MOST), range(MOST + 1), strict=False)]
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == [item] * (MOST + 1)
    assert peak_bytes < 8_000_000


@pytest.mark.parametrize("most", [1, 2, MOST])
def test_the_bound_changes_no_item(most: int) -> None:
    wide = json.dumps({"numbers": list(range(500)), "text": ",]}"}).encode()
    assert [bytes(item) for item in split_batch(b"[" + b",".join([wide] * 9) + b"]", most)] == [wide] * 9


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
