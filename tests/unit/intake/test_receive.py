"""What intake keeps of what it refuses: so much that an erasure finds all of a person by one look-up."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.demo.cohort import national_id
from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.inbound import InboundRecord
from services.intake.crypto.sealing import Keyring
from services.intake.inbox.receive import Receiver
from shared.errors import FieldError
from shared.kafka.bounded_batches import BATCH_RECORDS, INFLATED_BYTES, Refusal, SkippedBatch

KEYRING = Keyring(bytes(32))
EVENT_BYTES = 64 * 1024
BATCH_EVENTS = 300
RECEIVER = Receiver(
    KEYRING,
    {"/upstream/demo": "default"},
    lambda: datetime(2026, 11, 28, 12, tzinfo=UTC),
    event_bytes=EVENT_BYTES,
    batch_events=BATCH_EVENTS,
)
BATCH = [("content-type", b"application/cloudevents-batch+json")]


def number(person: int) -> str:
    """The national ID of a person."""
    return national_id(100_000_000 + person)


def student(person: int, **data: Any) -> dict[str, Any]:
    """A registration that is refused: the gender is none."""
    return {
        "specversion": "1.0",
        "id": f"student-{person}",
        "source": "/upstream/demo",
        "type": "rahnama.student.registered.v1",
        "data": {"year": 1404, "national_id": number(person), "first_name": "سارا", "gender": 7, **data},
    }


def received(value: bytes, headers: Any = ()) -> ReceivedEvent:
    """What comes of a record that is one arrival."""
    [arrival] = RECEIVER.from_kafka(3, InboundRecord(17, 1_700_000_000_000, value, headers))
    return arrival


def lookup(person: int, tenant: str = "default") -> bytes:
    """By which an erasure finds what is kept of a person."""
    return KEYRING.tenant(tenant).lookup(number(person))


def written(error: FieldError) -> str:
    """The message's end in which a batch is described."""
    return error.message.partition("The record has ")[2]


@pytest.mark.parametrize(("end", "code"), [(b"]", "BATCH_TOO_LARGE"), (b"}", "BATCH_UNREADABLE")])
def test_of_a_refused_whole_batch_nothing_is_kept_but_its_length_and_digest(end: bytes, code: str) -> None:
    events = [json.dumps(student(person)).encode() for person in range(BATCH_EVENTS + 1)]
    value = b"[" + b",".join(events[: None if code == "BATCH_TOO_LARGE" else BATCH_EVENTS]) + end
    refused = received(value, BATCH)
    [error] = refused.errors
    assert error.code == code
    assert (refused.raw, refused.lookup) == (b"", None)
    assert written(error) == f"{len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()}"


def test_an_empty_batch_keeps_nothing() -> None:
    refused = received(b" [ ] ", BATCH)
    assert (refused.errors[0].code, refused.raw, refused.lookup) == ("EVENT_INVALID", b"", None)


SEVERAL = {
    "a batch without its content type": json.dumps([student(1), student(2)]),
    "a batch of one without its content type": "\ufeff " + json.dumps([student(1)]),
    "somebody in the data": json.dumps(student(1, sibling={"national_id": number(2)})),
    "somebody in an extension": json.dumps({**student(1), "about": [{"national_id": number(2)}]}),
    "somebody in what is no event": json.dumps({"data": [student(1)["data"], student(2)["data"]]}),
    "somebody in what is not JSON": json.dumps(student(1)) + json.dumps(student(2)),
    "a key in escapes": json.dumps(student(1, sibling={"national_id": number(2)})).replace(
        '"sibling": {"national_id"', '"sibling": {"\\u006eational\\u005fid"'
    ),
    "somebody in base64": json.dumps(
        {
            **{name: value for name, value in student(1).items() if name != "data"},
            "data_base64": base64.b64encode(
                json.dumps(student(1, sibling={"national_id": number(2)})["data"]).encode()
            ).decode(),
        }
    ),
    "base64 in what is no event": json.dumps({"data_base64": "eyJ9"}),
    "somebody behind the part that is kept": json.dumps(
        student(1, text="x" * EVENT_BYTES, sibling={"national_id": number(2)})
    ),
}


@pytest.mark.parametrize("written", SEVERAL.values(), ids=SEVERAL)
def test_what_may_hold_several_people_is_not_kept(written: str) -> None:
    refused = received(written.encode())
    assert refused.errors
    assert refused.raw == b""
    if len(written) <= EVENT_BYTES:
        assert RECEIVER.from_http(written.encode(), "default", None).raw == b""


ONE = {
    "an event": json.dumps(student(1)),
    "a person in a list": json.dumps({**student(1), "data": [{"national_id": number(1)}]}),
    "a person further inside": json.dumps({**student(1), "data": {"student": {"national_id": number(1)}}}),
    "a number": json.dumps({**student(1), "data": {"national_id": int(number(1))}}),
    "what is no event": json.dumps({"national_id": number(1)}),
    "what is not JSON": json.dumps({"national_id": number(1)})[:-1] + ", broken",
    "a key in escapes": json.dumps({"national_id": number(1)}).replace("_", "\\u005f"),
    "Persian digits in escapes": json.dumps(
        {"national_id": number(1).translate({ord(digit): 0x06F0 + int(digit) for digit in "0123456789"})}
    ),
    "escaped letters elsewhere": json.dumps({**student(1), "about": "x"}).replace('"x"', '"\\u0026"'),
}


@pytest.mark.parametrize("written", ONE.values(), ids=ONE)
def test_what_holds_one_person_is_kept_and_found(written: str) -> None:
    refused = received(written.encode())
    assert refused.errors
    assert refused.raw == written.encode()
    assert refused.lookup == lookup(1, refused.tenant)


def test_an_event_of_nobody_is_kept() -> None:
    refused = received(b'{"specversion": "1.0"}')
    assert (refused.raw, refused.lookup) == (b'{"specversion": "1.0"}', None)


@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        (Refusal.TOO_LARGE, "BATCH_TOO_LARGE", f"inflate to more than {INFLATED_BYTES} bytes"),
        (Refusal.TOO_MANY_RECORDS, "BATCH_TOO_LARGE", f"are more than {BATCH_RECORDS} in one batch"),
        (Refusal.UNREADABLE, "BATCH_UNREADABLE", "cannot be inflated"),
    ],
)
def test_a_skipped_batch_is_refused_with_its_true_reason(refusal: Refusal, code: str, message: str) -> None:
    refused = received(SkippedBatch.of(b"compressed", 10, 17, refusal))
    [error] = refused.errors
    assert error.code == code
    assert error.message == (
        f"The records 10 to 17 {message} and were not read; the batch has 10 bytes,"
        f" SHA-256 {hashlib.sha256(b'compressed').hexdigest()}"
    )
    assert error.message_fa.startswith("رکوردهای 10 تا 17 ")
    assert (refused.raw, refused.lookup) == (b"", None)
