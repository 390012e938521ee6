"""Whatever upstream sends: an answer, never an exception, never an echo; a batch is its events one by one."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.decide.commands import Command, RegisterStudent
from services.intake.decide.decide import Accepted, decide, evolve
from services.intake.decide.digests import content_bytes, content_digest, fingerprint
from services.intake.decide.events import BrokenEvent, InboundEvent, open_event, open_record
from services.intake.decide.fields import MANAGER, MENTOR, ROSTER, SCHOOLS, STUDENT
from services.intake.decide.parse import INBOUND_TYPES, parse
from services.intake.decide.state import State
from shared.errors import FieldError
from tests.unit.intake.examples import DATA, KEY, document, empty_state, manager, mentor, roster, student

NAMES = sorted({field.name for field in (*STUDENT, *MENTOR, *SCHOOLS, *MANAGER, *ROSTER)})
SECRET = "s3cr٣t"
TEXT = st.text(max_size=12).map(lambda text: text + SECRET) | st.sampled_from(
    ["", "0", "۱۲", "1332073689", "زن"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(INBOUND_TYPES)), st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_parsing_gives_a_command_or_errors_that_repeat_no_value(kind: str, data: dict[str, object]) -> None:
    event = InboundEvent(id="1", source="s", type=kind, occurred_at=None, traceparent=None, data=data)
    answer = parse(event)
    assert not isinstance(answer, tuple) or answer
    if isinstance(answer, tuple):
        assert_no_echo(answer)
        assert len({(error.pointer, error.code) for error in answer}) == len(answer)
        assert all(error.pointer.removeprefix("/data/") in NAMES for error in answer)


@given(
    VALUES,
    st.dictionaries(
        st.sampled_from(
            ["specversion", "id", "source", "type", "time", "datacontenttype", "traceparent", "data"]
        ),
        VALUES,
    ),
)
def test_opening_gives_an_event_or_errors_that_repeat_no_value(
    whole: object, attributes: dict[str, object]
) -> None:
    for value in (whole, attributes, {**document("student"), **attributes}):
        opened = open_event(json.dumps(value).encode("utf-8", "surrogatepass"))
        if isinstance(opened, BrokenEvent):
            assert opened.errors
            assert_no_echo(opened.errors)
        else:
            parse(opened)
            content_digest(KEY, opened)


@given(
    st.binary(max_size=60),
    st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "ce_specversion", "ce_time", "content-type", "x"]),
            st.none() | st.binary(max_size=12),
        )
    ),
)
def test_any_bytes_are_opened_or_refused(value: bytes, headers: list[tuple[str, bytes | None]]) -> None:
    for opened in (open_event(value), open_record(headers, value)):
        assert isinstance(opened, InboundEvent) or opened.errors


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=6), st.randoms())
def test_content_does_not_depend_on_the_order_of_keys(data: dict[str, object], random: Any) -> None:
    shuffled = list(data.items())
    random.shuffle(shuffled)

    def opened(content: dict[str, object], indent: int | None) -> bytes:
        text = json.dumps({**document("student"), "data": content}, indent=indent)
        event = open_event(text.encode())
        return content_bytes(event) if isinstance(event, InboundEvent) else b""

    assert opened(data, None) == opened(dict(shuffled), 2)


def students(person: int, changes: dict[str, Any]) -> tuple[Command, str]:
    return student(**changes), f"student-{person}"


COMMANDS = st.one_of(
    st.builds(
        students,
        st.integers(1, 3),
        st.fixed_dictionaries(
            {
                "gender": st.integers(0, 1),
                "year": st.sampled_from([1404, 1405]),
                "school_code": st.sampled_from([None, 101, 102]),
                "first_name": st.sampled_from(["زهرا", "مینا"]),
            }
        ),
    ),
    st.builds(
        lambda changes: (mentor(**changes), ""),
        st.fixed_dictionaries(
            {
                "mentor_id": st.integers(1, 2),
                "gender": st.integers(0, 1),
                "manager_id": st.sampled_from([None, 7, 8]),
            }
        ),
    ),
    st.builds(
        lambda changes: (manager(**changes), ""),
        st.fixed_dictionaries(
            {
                "manager_id": st.integers(7, 8),
                "is_active": st.booleans(),
                "centers": st.sampled_from([[], [0], [1]]),
            }
        ),
    ),
    st.builds(
        lambda changes: (roster(**changes), ""),
        st.fixed_dictionaries(
            {
                "year": st.sampled_from([1404, 1405]),
                "school_codes": st.lists(st.sampled_from([101, 102]), max_size=2),
            }
        ),
    ),
)


def step(state: State, command: Command, student_id: str) -> object:
    marks = b"" if not hasattr(command, "personal") else fingerprint(KEY, command.personal)
    outcome = decide(state, command, student_id=student_id, fingerprint=marks)
    if isinstance(outcome, Accepted):
        for new in outcome.facts:
            evolve(state, new)
    return outcome


def reloaded(state: State) -> State:
    """What the database would give to a later batch: the counts of schools without what has gone."""
    fresh = copy.deepcopy(state)
    fresh.schools_of = {
        year: {code: count for code, count in counts.items() if count}
        for year, counts in state.schools_of.items()
    }
    return fresh


@settings(max_examples=200)
@given(st.lists(COMMANDS, max_size=25))
def test_a_batch_is_decided_as_its_events_one_by_one(commands: list[tuple[Command, str]]) -> None:
    batch, alone = empty_state(), empty_state()
    for command, student_id in commands:
        alone = reloaded(alone)
        assert step(batch, command, student_id) == step(alone, command, student_id)


@settings(max_examples=200)
@given(st.lists(COMMANDS, max_size=25))
def test_versions_are_dense_and_nothing_derived_goes_stale(commands: list[tuple[Command, str]]) -> None:
    state, versions = empty_state(), dict[str, int]()
    for command, student_id in commands:
        outcome = step(state, command, student_id)
        if isinstance(outcome, Accepted):
            for new in outcome.facts:
                versions[new.subject] = versions.get(new.subject, 0) + 1
                assert new.fact.version == versions[new.subject]
            assert not isinstance(step(state, command, student_id), Accepted)
    for person in state.students.values():
        for year, known in person.years.items():
            published = state.rosters[year].school_codes if year in state.rosters else frozenset()
            assert known.student_type == int(known.school_code in published)
    for known_mentor in state.mentors.values():
        fact = known_mentor.fact
        its_manager = state.managers.get(fact.manager_id) if fact.manager_id is not None else None
        expected = list(its_manager.centers) if its_manager is not None and its_manager.is_active else []
        assert fact.manager_centers == (None if fact.manager_id is None else expected)


def assert_no_echo(errors: tuple[FieldError, ...]) -> None:
    for error in errors:
        assert SECRET not in f"{error.pointer}{error.code}{error.message}{error.message_fa}"


def test_the_examples_cover_every_inbound_type() -> None:
    assert set(DATA) == INBOUND_TYPES
    assert isinstance(student(), RegisterStudent)
