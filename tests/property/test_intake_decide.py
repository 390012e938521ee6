"""A batch is its events one by one, and however they mix, versions are dense and nothing derived goes stale."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.intake.crypto.digests import fingerprint
from services.intake.decide.commands import Command
from services.intake.decide.messages import decide, evolve
from services.intake.decide.outcomes import Accepted, NewFact
from services.intake.decide.state import State
from services.intake.decide.student_registered import rederived
from services.intake.decide.student_withdrawn import WithdrawStudent
from shared.contracts.facts import MentorRegistered, StudentRegistered, StudentWithdrawnFact
from shared.contracts.partitions import pool_partition
from tests.unit.intake.examples import MAC, empty_state, manager, mentor, roster, student, withdrawal


def students(person: int, changes: dict[str, Any]) -> tuple[Command, str]:
    return student(**changes), f"student-{person}"


COMMANDS = st.one_of(
    st.builds(
        lambda person, year: (withdrawal(year=year), f"student-{person}"),
        st.integers(1, 3),
        st.sampled_from([1404, 1405]),
    ),
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


Step = tuple[object, list[NewFact]]


def step(state: State, command: Command, student_id: str) -> Step:
    """What is decided, and all the facts that it leads to; a roster's students in the order of the state."""
    if isinstance(command, WithdrawStudent) and student_id not in state.students:
        student_id = ""
    personal = getattr(command, "personal", None)
    marks = b"" if personal is None else fingerprint(MAC, personal)
    outcome = decide(state, command, student_id=student_id, fingerprint=marks)
    if not isinstance(outcome, Accepted):
        return outcome, []
    facts = list(outcome.facts)
    for new in facts:
        evolve(state, new)
    if outcome.rederives is not None:
        for known in list(state.students):
            new_type = rederived(state, known, outcome.rederives, command.occurred_at)
            if new_type is not None:
                facts.append(new_type)
                evolve(state, new_type)
    return outcome, facts


def reloaded(state: State) -> State:
    """What the database would give to a later batch."""
    fresh = copy.deepcopy(state)
    fresh.mentors_of = {manager_id: ids for manager_id, ids in fresh.mentors_of.items() if ids}
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
        _, facts = step(state, command, student_id)
        for new in facts:
            versions[new.subject] = versions.get(new.subject, 0) + 1
            assert new.fact.version == versions[new.subject]
            assert new.fact.occurred_at == command.occurred_at
        assert step(state, command, student_id)[1] == []
        assert_nothing_is_stale(state)


def assert_nothing_is_stale(state: State) -> None:
    """Every student's type and every mentor's centres are what rosters and managers say now."""
    for person in state.students.values():
        for year, known in person.years.items():
            published = state.rosters[year].school_codes if year in state.rosters else frozenset()
            assert known.is_withdrawn or known.student_type == int(known.school_code in published)
    for known_mentor in state.mentors.values():
        fact = known_mentor.fact
        its_manager = state.managers.get(fact.manager_id) if fact.manager_id is not None else None
        expected = list(its_manager.centers) if its_manager is not None and its_manager.is_active else []
        assert fact.manager_centers == (None if fact.manager_id is None else expected)


@settings(max_examples=200)
@given(st.lists(COMMANDS, max_size=25))
def test_the_facts_of_a_student_tell_of_one_pool_at_a_time(commands: list[tuple[Command, str]]) -> None:
    """Told again, fact by fact: who is registered in one pool has left the other, and only who is in one leaves it."""
    state = empty_state()
    enrolled: dict[tuple[str, int], int] = {}
    for command, student_id in commands:
        for new in step(state, command, student_id)[1]:
            fact = new.fact
            if isinstance(fact, StudentRegistered | StudentWithdrawnFact):
                assert new.partition == pool_partition("default", fact.gender, 12)
                key = (fact.student_id, fact.year)
                if isinstance(fact, StudentRegistered):
                    assert enrolled.setdefault(key, fact.gender) == fact.gender
                else:
                    assert enrolled.pop(key) == fact.gender
        for (person, _), gender in enrolled.items():
            assert state.students[person].gender == gender
        assert enrolled.keys() == {
            (person, year)
            for person, known in state.students.items()
            for year, told in known.years.items()
            if not told.is_withdrawn
        }


@settings(max_examples=200)
@given(st.lists(COMMANDS, max_size=25))
def test_only_who_changes_is_reissued_with_all_else_as_it_was(commands: list[tuple[Command, str]]) -> None:
    """A fact that keeps its seal differs from its subject's last one in what the event changed, and in nothing else."""
    state = empty_state()
    last: dict[tuple[str, int], MentorRegistered | StudentRegistered] = {}
    for command, student_id in commands:
        for new in step(state, command, student_id)[1]:
            fact = new.fact
            if not isinstance(fact, MentorRegistered | StudentRegistered):
                continue
            key = (new.subject, fact.year if isinstance(fact, StudentRegistered) else 0)
            if new.keeps_seal:
                before = last[key]
                same = {"version": before.version, "occurred_at": before.occurred_at}
                if isinstance(fact, MentorRegistered) and isinstance(before, MentorRegistered):
                    assert fact.manager_centers != before.manager_centers
                    assert replace(fact, **same, manager_centers=before.manager_centers) == before
                elif isinstance(fact, StudentRegistered) and isinstance(before, StudentRegistered):
                    assert (fact.gender, fact.student_type) != (before.gender, before.student_type)
                    same |= {"gender": before.gender, "student_type": before.student_type}
                    assert replace(fact, **same) == before
            last[key] = fact
