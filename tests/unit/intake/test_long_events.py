"""Events that are too long: refused without decoding what they hold, and found as other refused events are."""

import asyncio
import base64
import json
from typing import Any

import pytest

from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.inbound import InboundRecord
from services.intake.crypto.sealing import Keyring
from services.intake.decide import binary_mode, events, long_events
from services.intake.decide.events import BrokenEvent, InboundEvent
from services.intake.decide.long_events import open_long_event, open_long_record
from services.intake.inbox import batches, http
from services.intake.inbox.receive import Receiver

LIMIT = 10_000
SOURCE = "/upstream/one"
NATIONAL_ID = "0499370899"
DATA = {"national_id": NATIONAL_ID, "reg_center": 3, "centers": [4, 5]}
ATTRIBUTES = {"specversion": "1.0", "id": "e1", "source": SOURCE, "type": "rahnama.student.registered.v1"}
BRACKETS = b"[" + b",".join([b"[]"] * LIMIT) + b"]"


def receiver() -> Receiver:
    return Receiver(Keyring(b"k" * 32), {SOURCE: "one"}, event_bytes=LIMIT)


def long_item(changes: dict[str, object] | None = None, *, data_first: bool = False) -> bytes:
    attributes = json.dumps({**ATTRIBUTES, **(changes or {})})[1:-1].encode()
    data = b'"data":' + json.dumps({**DATA, "many": 0}).encode().replace(b"0}", BRACKETS + b"}")
    return b"{" + b",".join([data, attributes] if data_first else [attributes, data]) + b"}"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what was decoded to objects."""
    lengths: list[int] = []

    class Counted:
        def __init__(self, decoder: Any) -> None:
            self._decoder = decoder

        def decode(self, value: Any) -> Any:
            lengths.append(len(bytes(value)))
            return self._decoder.decode(value)

    for module, name in (
        (events, "_wire"), (events, "json_decoder"), (binary_mode, "json_decoder"), (long_events, "_value"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, Counted(getattr(module, name)))
    return lengths


@pytest.mark.parametrize("data_first", [False, True])
def test_attributes_of_a_long_event_are_found_wherever_they_stand(data_first: bool) -> None:
    event = open_long_event(long_item(data_first=data_first))
    assert isinstance(event, InboundEvent)
    assert (event.id, event.source, event.type) == ("e1", SOURCE, ATTRIBUTES["type"])
    assert event.data == DATA


def test_data_in_base64_is_found_by_the_same_fields() -> None:
    encoded = base64.b64encode(json.dumps({**DATA, "padding": "x" * LIMIT}).encode()).decode()
    event = open_long_event(json.dumps({**ATTRIBUTES, "data_base64": encoded}).encode())
    assert isinstance(event, InboundEvent)
    assert event.data == DATA


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"id": 5}, ["ID_INVALID"]),
        ({"id": "x" * 20_000}, ["ID_INVALID"]),
        ({"source": None, "time": "soon"}, ["SOURCE_MISSING", "TIME_INVALID"]),
    ],
)
def test_a_long_event_with_wrong_attributes_names_them(changes: dict[str, object], codes: list[str]) -> None:
    event = open_long_event(long_item(changes))
    assert isinstance(event, BrokenEvent)
    assert [error.code for error in event.errors] == codes


@pytest.mark.parametrize(
    "value", [b"{" * LIMIT, b'{"a": ' + b"[" * LIMIT, b'"' + b"x" * LIMIT + b'"', b"{" + b" " * LIMIT]
)
def test_what_is_long_and_no_event_is_refused(value: bytes) -> None:
    event = open_long_event(value)
    assert isinstance(event, BrokenEvent)
    assert [error.code for error in event.errors] == ["EVENT_INVALID"]


def test_a_long_record_in_binary_mode_keeps_its_attributes() -> None:
    headers = [(f"ce_{name}", value.encode()) for name, value in ATTRIBUTES.items()]
    event = open_long_record(headers, json.dumps({**DATA, "padding": "x" * LIMIT}).encode())
    assert isinstance(event, InboundEvent)
    assert (event.id, event.data) == ("e1", DATA)
    broken = open_long_record(headers, b"[" + b"0," * LIMIT + b"0]")
    assert isinstance(broken, BrokenEvent)
    assert (broken.id, [error.code for error in broken.errors]) == ("e1", ["DATA_INVALID"])


def refused(arrival: ReceivedEvent) -> None:
    assert [error.code for error in arrival.errors] == ["EVENT_TOO_LARGE"]
    assert (arrival.source, arrival.id, arrival.type) == (SOURCE, "e1", ATTRIBUTES["type"])
    assert arrival.lookup == Keyring(b"k" * 32).tenant("one").lookup(NATIONAL_ID)
    assert arrival.centers == (3, 4, 5)


def test_over_http_nothing_long_is_decoded(decoded: list[int]) -> None:
    refused(receiver().from_http(long_item(), "one", None))
    assert max(decoded) < 200


@pytest.mark.parametrize("batch", [False, True])
def test_over_kafka_nothing_long_is_decoded(decoded: list[int], batch: bool) -> None:
    value = b"[" + long_item() + b"]" if batch else long_item()
    kind = b"application/cloudevents-batch+json" if batch else b"application/cloudevents+json"
    [arrival] = receiver().from_kafka(0, InboundRecord(0, 0, value, (("content-type", kind),)))
    refused(arrival)
    assert max(decoded) < 200


def test_a_long_event_sent_again_is_the_same_only_byte_by_byte() -> None:
    first, again, other = (
        receiver().from_http(value, "one", None)
        for value in (long_item(), long_item(), long_item(data_first=True))
    )
    assert first.key == again.key == other.key
    assert first.digest == again.digest != other.digest


async def test_a_long_batch_lets_others_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "COMMAS_PER_ITEM", 0)
    monkeypatch.setattr(batches, "TOKENS_BETWEEN_PAUSES", 1_000)
    turns = 0
    done = asyncio.Event()

    async def other() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    arrivals = await http._open_batch(b"[" + long_item() + b"]", 10, receiver(), "one", None)
    done.set()
    await waiting
    assert len(arrivals) == 1
    assert turns >= 3 * LIMIT // 1_000  # two brackets and a comma each


async def test_long_events_are_no_more_than_some_between_turns() -> None:
    turns = 0
    done = asyncio.Event()

    async def other() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    item = json.dumps({**ATTRIBUTES, "data": {"text": "x" * (LIMIT - 500)}}).encode()
    arrivals = await http._open_batch(b"[" + b",".join([item] * 50) + b"]", 50, receiver(), "one", None)
    done.set()
    await waiting
    assert len(arrivals) == 50
    assert turns >= 50 * len(item) // (2 * http.BYTES_BETWEEN_PAUSES)
