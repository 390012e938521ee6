"""The digest by which a record of rahnama.inbound is known again."""

from services.intake.append.inbound import InboundRecord


def record(value: bytes, *headers: tuple[str, bytes]) -> InboundRecord:
    return InboundRecord(3, 1_700_000_000_000, value, headers)


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
