"""Which records of a topic are not the log's."""

from typing import Any

import pytest

from shared.relay.extent import TopicRecord
from shared.relay.foreign import ForeignRecord, ForeignRecords, foreign_of

HASHES = {1: b"1" * 32, 2: b"2" * 32, 3: b"3" * 32}


@pytest.mark.parametrize("sequences", [(1, 2, 3), (3, 1, 2, 2), (2,)])
def test_the_logs_own_bytes_are_never_foreign_however_often_they_come(sequences: tuple[int, ...]) -> None:
    records = [TopicRecord(offset, sequence, HASHES[sequence]) for offset, sequence in enumerate(sequences)]
    assert foreign_of(records, HASHES) == []


@pytest.mark.parametrize(
    ("seen", "kept", "reason"),
    [
        (TopicRecord(7, None, b"g" * 32), None, "offset 7 holds a record that is no event of this log"),
        (TopicRecord(7, 2, b"x" * 32), b"2" * 32, f"but the log has {(b'2' * 32).hex()}"),
        (TopicRecord(7, 4, b"4" * 32), None, "but the log holds no such sequence"),
    ],
)
def test_anything_else_is_foreign(seen: TopicRecord, kept: bytes | None, reason: str) -> None:
    found = foreign_of([TopicRecord(6, 1, HASHES[1]), seen], HASHES)
    assert found == [ForeignRecord(7, seen.sequence, seen.hash, kept)]
    assert reason in found[0].reason
    assert seen.hash.hex() in found[0].reason


def test_what_was_found_is_reported_while_its_partition_is_led_and_remembered_meanwhile() -> None:
    no_pool: Any = None
    found = ForeignRecords("intake", no_pool)
    found.lead([0, 1])
    found.report("topic", 1, [ForeignRecord(7, None, b"g" * 32, None)])
    for led, partitions in (([0, 1], 1), ([0], 0), ([], 0), ([1], 1)):
        found.lead(led)
        assert found.partitions == partitions
        assert (found.reason() is None) == (partitions == 0)
