"""Unreadable records are listed up to a bound, and all are counted."""

from aiokafka.structs import ConsumerRecord

from services.intake.recover.unreadable import LISTED, Unreadable


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord("rahnama.keys", 3, offset, 0, 0, None, b"secret", None, 0, 6, ())


def test_a_flood_is_listed_up_to_its_bound_and_counted() -> None:
    unreadable = Unreadable()
    for offset in range(LISTED + 5):
        unreadable.add(record(offset))
    lines = list(unreadable.lines())
    assert (unreadable.count, len(lines)) == (LISTED + 5, LISTED + 1)
    assert lines[0].startswith("would skip: offset 0 of partition 3 of rahnama.keys is not readable")
    assert lines[-1] == "would skip: 5 more unreadable records"
    assert "secret" not in "".join(lines)


def test_without_any_nothing_is_listed() -> None:
    assert list(Unreadable().lines()) == []
