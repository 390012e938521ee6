"""The demo's cohort: the same everywhere, and what it says it is."""

import pytest

from infra.demo.chain import reached
from infra.demo.cohort import Cohort, CohortSize, make_cohort, national_id
from infra.demo.report import is_whole
from services.intake.decide.events import InboundEvent
from services.intake.decide.messages import parse
from services.intake.decide.normalise import national_id as read_national_id


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return make_cohort()


def test_one_seed_gives_one_cohort(cohort: Cohort) -> None:
    again = make_cohort()
    assert again.reference == cohort.reference
    assert again.students == cohort.students
    assert make_cohort(seed=1).students != cohort.students


def test_it_has_ten_thousand_students_five_hundred_mentors_and_forty_managers(cohort: Cohort) -> None:
    kinds = [event["type"] for event in cohort.reference]
    assert kinds.count("rahnama.mentor.registered.v1") == 500
    assert kinds.count("rahnama.manager.registered.v1") == 40
    assert kinds.count("rahnama.school-roster.published.v1") == 1
    valid = {event["id"] for event in cohort.students if event["id"].startswith("student-")}
    assert len(valid) == cohort.distinct_students == 10_000


def test_every_student_has_a_national_id_of_their_own_with_a_right_checksum(cohort: Cohort) -> None:
    ids = {event["data"]["national_id"] for event in cohort.students if event["id"].startswith("student-")}
    assert len(ids) == 10_000
    assert all(read_national_id(one) == one for one in ids)


def test_some_come_twice_some_again_and_some_wrong(cohort: Cohort) -> None:
    ids = [event["id"] for event in cohort.students]
    assert len(ids) - len(set(ids)) == 200
    assert sum(one.startswith("again-") for one in ids) == 100
    assert sum(one.startswith("invalid-") for one in ids) == 100


def test_exactly_those_that_are_wrong_on_purpose_are_rejected(cohort: Cohort) -> None:
    assert len(cohort.wrong) == 100
    refused = set()
    for event in (*cohort.reference, *cohort.students):
        opened = InboundEvent(
            id=event["id"], source=event["source"], type=event["type"], occurred_at=None, traceparent=None,
            data=event["data"],
        )  # fmt: skip
        if isinstance(parse(opened, "2026-03-21"), tuple):
            refused.add(event["id"])
    assert refused == cohort.wrong


def test_a_tenth_go_to_a_school_of_the_roster(cohort: Cohort) -> None:
    roster = next(event for event in cohort.reference if "roster" in event["type"])["data"]["school_codes"]
    valid = {event["id"]: event["data"] for event in cohort.students if event["id"].startswith("student-")}
    at_school = sum(data["school_code"] in roster for data in valid.values())
    assert 900 < at_school < 1_100


def test_a_smaller_cohort_can_be_asked_for() -> None:
    assert make_cohort(size=CohortSize(students=50, mentors=5, managers=0)).distinct_students == 50


@pytest.mark.parametrize(("digits", "whole"), [(133207368, "1332073689"), (1234567, "0012345679")])
def test_a_check_digit_is_the_one_of_the_rule(digits: int, whole: str) -> None:
    assert national_id(digits) == whole


def test_positions_are_reached_only_when_every_partition_is() -> None:
    assert reached({0: 5, 1: 7}, {0: 5, 1: 6})
    assert not reached({0: 5}, {0: 5, 1: 1})


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        ({}, True),
        ({"waitlisted": 1}, False),
        ({"duplicates": 0}, False),
        ({"audit_verified": False}, False),
        ({"trace_services": 2}, False),
        (
            {
                "rejected": 13,
                "accepted": 0,
                "unchanged": 0,
                "duplicates": 1,
                "students": 0,
                "assigned": 0,
                "waitlisted": 0,
            },
            False,
        ),
        ({"rejected": 0, "accepted": 11}, False),
    ],
)
def test_the_demo_succeeds_only_when_nothing_is_missing(change: dict[str, object], whole: bool) -> None:
    result = {
        "sent": 14, "accepted": 10, "unchanged": 1, "duplicates": 2, "rejected": 1, "students": 10,
        "assigned": 8, "waitlisted": 2, "audit_verified": True, "trace_services": 3,
    }  # fmt: skip
    assert is_whole({**result, **change}, wrong=1) is whole
