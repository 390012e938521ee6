"""Whatever is killed in the middle of the load and started again: nothing is lost, and nothing happens twice."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import pytest
import pytest_asyncio

from infra.demo.cohort import CohortSize, Event, make_cohort
from tests.e2e.load import Load
from tests.e2e.upstream import Result, Upstream
from tests.invariants.every import everything_holds
from tests.invariants.evidence import Evidence
from tests.invariants.personal import require_absent

PARTS: Final = ("intake", "allocation", "audit", "kafka", "postgres")
EVERYTHING: Final = "everything at once"
ROUNDS: Final = (*PARTS, EVERYTHING)
SHORT: Final = ("intake", EVERYTHING)
"""In every run; `make test-long` and the trials of `make faults` kill the others as well."""
STUDENTS_A_KILL: Final = 1500
MENTORS: Final = 300
CHANGED_SHARE: Final = 20
COHORT: Final = make_cohort(
    seed=7, size=CohortSize(students=STUDENTS_A_KILL * len(ROUNDS), mentors=MENTORS, managers=20)
)
"""With a tenth more mentors' places than students, and duplicates, repeats and wrong events among them."""


def load_of(part: str) -> list[Event]:
    """This part's share of the cohort; in between students with another centre, and mentors that change."""
    number = ROUNDS.index(part)
    share = -(-len(COHORT.students) // len(ROUNDS))
    events = list(COHORT.students[number * share : (number + 1) * share])
    originals = [sent for sent in events[::CHANGED_SHARE] if str(sent["id"]).startswith("student-")]
    changes = [changed(sent, f"changed by {part}", reg_center=number % 3) for sent in originals]
    for place, sent in enumerate(COHORT.reference[-MENTORS :: MENTORS // 20]):
        capacity = sent["data"]["capacity"] + number
        changes.append(changed(sent, part, capacity=capacity, active=place % len(ROUNDS) != number))
    for place, change in enumerate(changes):
        events.insert(15 * place, change)
    return events


def changed(sent: Event, suffix: str, **changes: object) -> Event:
    """The same subject registered again, with other data and an id of its own."""
    return {**sent, "id": f"{sent['id']} {suffix}", "data": {**sent["data"], **changes}}


def require_answered_facts(evidence: Evidence, results: Sequence[Result]) -> None:
    """Each answer names facts that stand where it says, for the event that it answers; no others are in the log."""
    in_log = {
        (partition, event.sequence): msgspec.json.decode(event.value)["causationid"]
        for partition, events in evidence.facts.log.items()
        for event in events
    }
    answered = {
        (place["partition"], place["sequence"]): result["causation_id"]
        for result in results
        for place in result["facts"]
    }
    differing = dict(answered.items() ^ in_log.items())
    assert not differing, f"{len(differing)} places, for example {min(differing)}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def answers(battered: Upstream) -> dict[str, Result]:
    """By event id, the answers to all that was sent in this module: at first to mentors and what they need."""
    results = await battered.send_again(COHORT.reference)
    assert {result["status"] for result in results} == {"accepted"}
    await battered.settle()
    return {result["id"]: result for result in results}


@pytest.mark.parametrize(
    "part",
    [part if part in SHORT else pytest.param(part, marks=pytest.mark.long) for part in ROUNDS],
)
async def test_killed_under_load_and_started_again_it_loses_nothing_and_repeats_nothing(
    battered: Upstream, answers: dict[str, Result], part: str
) -> None:
    events = load_of(part)
    load = Load(battered, events)
    parts = PARTS if part == EVERYTHING else (part,)

    async def strike() -> None:
        await asyncio.gather(*(battered.system.kill(name) for name in parts))
        await asyncio.gather(*(battered.system.start_part(name) for name in parts))

    await load.run(strike)
    assert load.done_at_strike < load.pieces // 2  # it was struck in the middle
    await battered.settle()
    again = await battered.send_again(events)
    assert {result["status"] for result in again} == {"duplicate"}
    await battered.settle()

    answers |= {result["id"]: result for result in again}
    for first in load.results:
        assert first["facts"] == answers[first["id"]]["facts"], f"{first} was answered again otherwise"
    evidence = await battered.evidence()
    require_answered_facts(evidence, list(answers.values()))
    everything_holds(evidence)
    report = await battered.verify()
    assert report["verified"], report["first_difference"]


async def test_in_the_end_every_student_has_one_pseudonym_and_has_a_mentor_or_waits(
    battered: Upstream, answers: dict[str, Result]
) -> None:
    students = [answers[event_id] for event_id in answers if event_id.removeprefix("student-").isdigit()]
    assert len({result["subject"] for result in students}) == len(students)
    named = [result["subject"] or "" for result in answers.values()]
    subjects = {subject.removeprefix("student/") for subject in named if subject.startswith("student/")}
    enrolments = (await battered.evidence()).allocation["enrolments"]
    assert {row["status"] for row in enrolments} <= {"assigned", "waitlisted"}
    assert sorted(str(row["student_id"]) for row in enrolments) == sorted(subjects)


async def test_no_crash_has_left_a_national_id_or_a_mobile_in_a_log_a_table_or_a_topic(
    battered: Upstream,
) -> None:
    personal = {
        sent["data"][field].encode() for sent in COHORT.students for field in ("national_id", "mobile")
    }
    written = (await battered.evidence()).personal.written
    assert require_absent((), written, numbers=frozenset(personal)) > 50
