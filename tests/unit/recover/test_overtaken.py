"""Which records of `rahnama.inbound` a recovered intake must not apply again; times are letters here."""

from services.intake.recover.inbound import Seen, overtaken
from services.intake.recover.lost import LastFact, Lost, Thing

ALI: Thing = ("default", "student/ali", 1404)
SARA: Thing = ("default", "student/sara", 1404)


def record(key: str, thing: Thing | None = ALI, written: str = "") -> Seen:
    return Seen(key.encode(), b"", thing, written)


def lost(*facts: tuple[Thing, str, str]) -> Lost:
    """Lost facts (thing, the event's key, time of acceptance), in the order of their versions."""
    found = Lost()
    for version, (thing, key, time) in enumerate(facts, 1):
        found.causes[key.encode()] = time
        found.last[thing] = LastFact(version, time, key.encode())
    return found


def keys(records: list[Seen]) -> list[str]:
    return [one.key.decode() for one in records]


def test_what_came_to_nothing_before_a_lost_fact_of_the_same_thing_is_overtaken() -> None:
    records = [record("E1"), record("E2"), record("E3"), record("E4")]
    facts = lost((ALI, "E1", "a"), (ALI, "E3", "c"))
    assert keys(overtaken(records, facts, {})) == ["E2"]


def test_what_stands_behind_the_last_lost_fact_is_applied_whatever_its_time_says() -> None:
    records = [record("E1"), record("E2", written="")]
    assert overtaken(records, lost((ALI, "E1", "z")), {}) == []


def test_a_record_about_somebody_of_whom_nothing_was_lost_is_applied() -> None:
    records = [record("E1", SARA), record("E2"), record("E3", None)]
    assert overtaken(records, lost((ALI, "E2", "b")), {}) == []


def test_what_has_an_answer_needs_none() -> None:
    records = [record("E1"), record("E2")]
    assert overtaken(records, lost((ALI, "E2", "b")), {b"E1": None}) == []


def test_against_the_other_door_the_time_at_which_it_was_written_decides() -> None:
    by_http = lost((ALI, "H", "m"))
    assert keys(overtaken([record("E1", written="l")], by_http, {})) == ["E1"]
    assert overtaken([record("E1", written="n")], by_http, {}) == []


def test_a_record_was_applied_after_those_before_it_however_early_it_was_written() -> None:
    facts = lost((SARA, "S", "n"), (ALI, "H", "m"))
    records = [record("S", SARA, written="a"), record("E1", written="b")]
    assert overtaken(records, facts, {}) == []


def test_a_record_was_applied_before_those_behind_it_however_late_its_clock_was() -> None:
    facts = lost((SARA, "S", "k"), (ALI, "H", "m"))
    records = [record("E1", written="z"), record("S", SARA, written="z")]
    assert keys(overtaken(records, facts, {})) == ["E1"]


def test_an_answer_that_an_interrupted_recovery_wrote_still_tells_when_what_follows_was_applied() -> None:
    records = [record("S", SARA, written="a"), record("E1", written="b")]
    assert overtaken(records, lost((ALI, "H", "m")), {b"S": "n"}) == []


def test_the_repeat_of_an_event_does_not_stand_for_the_event() -> None:
    records = [record("E1"), record("E2"), record("lost before it left"), record("E1")]
    facts = lost((ALI, "E1", "a"), (ALI, "E2", "b"))
    assert overtaken(records, facts, {}) == []


def test_who_was_erased_is_not_brought_back_by_what_was_applied_before() -> None:
    early = Seen(b"E1", b"", None, "k", b"ali")
    late = Seen(b"E2", b"", None, "n", b"ali")
    assert keys(overtaken([early, late], Lost(), {}, {b"ali": "m"})) == ["E1"]


def test_an_event_overtakes_also_what_is_about_other_things_that_it_changed() -> None:
    other = ("default", "student/ali", 1403)
    facts = lost((other, "E2", "b"), (ALI, "E2", "b"))
    records = [record("E1", other, written="z"), record("E2"), record("E3", other)]
    assert keys(overtaken(records, facts, {})) == ["E1"]
