"""Foreign records are listed up to a bound of each topic and reason, and all are counted."""

from aiokafka.structs import ConsumerRecord

from shared.recover.foreign import LISTED, ForeignRecords


def record(offset: int, topic: str = "rahnama.keys") -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(topic, 3, offset, 0, 0, None, b"secret", None, 0, 6, ())


def test_a_flood_is_listed_up_to_its_bound_and_counted() -> None:
    foreign = ForeignRecords()
    for offset in range(LISTED + 5):
        foreign.add(record(offset))
    lines = list(foreign.lines())
    assert (foreign.count, len(lines)) == (LISTED + 5, LISTED + 1)
    assert lines[0].startswith("would skip: offset 0 of partition 3 of rahnama.keys is not readable")
    assert lines[-1] == "would skip: 5 more records of rahnama.keys, each of which is not readable"
    assert "secret" not in "".join(lines)


def test_a_flood_hides_no_record_of_another_topic_or_reason() -> None:
    foreign = ForeignRecords()
    for offset in range(LISTED + 5):
        foreign.add(record(offset))
    foreign.add(record(0, "rahnama.rejections"))
    foreign.add(record(77), "is forged")
    shown = "\n".join(foreign.lines())
    assert "offset 0 of partition 3 of rahnama.rejections is not readable" in shown
    assert "offset 77 of partition 3 of rahnama.keys is forged" in shown


def test_the_end_repeats_how_many_were_skipped() -> None:
    foreign = ForeignRecords()
    foreign.add(record(0))
    [warning] = foreign.warning()
    assert warning.startswith("warning: 1 foreign records on rahnama.keys were skipped")


def test_without_any_nothing_is_listed() -> None:
    assert [*ForeignRecords().lines(), *ForeignRecords().warning()] == []
