"""Which parts of a Kafka record are the event: binary and structured mode."""

from services.intake.append.inbound import InboundRecord
from services.intake.inbox.kafka_event import BinaryEvent, StructuredEvent, inbound_event

TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def record(value: bytes, *headers: tuple[str, bytes]) -> InboundRecord:
    return InboundRecord(3, 1_700_000_000_000, value, headers)


def test_ce_headers_are_the_attributes_of_a_binary_event() -> None:
    event = inbound_event(
        record(
            b'{"year":1404}',
            ("ce_id", b"7"),
            ("ce_source", b"/s"),
            ("content-type", b"application/json"),
            TRACE,
        )
    )
    assert event == BinaryEvent(
        {"id": "7", "source": "/s", "datacontenttype": "application/json"},
        b'{"year":1404}',
        TRACE[1].decode(),
    )


def test_a_cloudevents_content_type_means_the_value_is_the_event() -> None:
    event = inbound_event(
        record(b"{}", ("Content-Type", b"application/cloudevents+json; charset=UTF-8"), ("ce_id", b"7"))
    )
    assert event == StructuredEvent(b"{}", None)


def test_a_record_without_headers_is_taken_as_structured() -> None:
    assert inbound_event(record(b"anything")) == StructuredEvent(b"anything", None)


def test_headers_that_are_no_text_never_raise() -> None:
    event = inbound_event(record(b"", ("ce_id", b"\xff\xfe")))
    assert event == BinaryEvent({"id": "\ufffd\ufffd"}, b"", None)


def test_digests_tell_records_apart_by_value_and_by_headers() -> None:
    digests = {
        record(b"a").digest,
        record(b"b").digest,
        record(b"a", ("ce_id", b"1")).digest,
        record(b"a", ("ce_id", b"2")).digest,
        record(b"a", ("ce_i", b"d1")).digest,
    }
    assert len(digests) == 5
    assert all(len(digest) == 32 for digest in digests)
