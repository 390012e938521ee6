"""Whatever is killed in the middle of the load and started again: nothing is lost, and nothing happens twice."""

from collections.abc import Sequence
from typing import Final

import pytest

from infra.demo.cohort import CohortSize, Event, make_cohort
from tests.e2e.evidence import Evidence, gather
from tests.e2e.invariants import everything_holds
from tests.e2e.upstream import Load, Result, Upstream

PARTS: Final = ("intake", "allocation", "audit", "kafka", "postgres")
STUDENTS_A_KILL: Final = 1500
CHANGED_SHARE: Final = 20
COHORT: Final = make_cohort(
    seed=7, size=CohortSize(students=STUDENTS_A_KILL * len(PARTS), mentors=300, managers=20)
)
"""With a tenth more mentors' places than students, and duplicates, repeats and wrong events among them."""


def load_of(part: str) -> list[Event]:
    """This part's share of the cohort; besides some students with another centre and mentors with more places."""
    share = len(COHORT.students) // len(PARTS) + 1
    number = PARTS.index(part)
    students = COHORT.students[number * share : (number + 1) * share]
    changed = [
        {**sent, "id": f"changed by {part} {place}", "data": {**sent["data"], "reg_center": number % 3}}
        for place, sent in enumerate(students[::CHANGED_SHARE])
        if str(sent["id"]).startswith("student-")
    ]
    mentors = [
        {
            **sent,
            "id": f"{sent['id']} {part}",
            "data": {**sent["data"], "capacity": sent["data"]["capacity"] + number},
        }
        for sent in COHORT.reference[-300::15]
    ]
    events = [*students, *mentors]
    for place, change in enumerate(changed):
        events.insert(40 * place + 20, change)
    return events


def require_answered_facts(evidence: Evidence, results: Sequence[Result]) -> None:
    """Each answer names facts that stand where it says, for the event that it answers; no others are in the log."""
    import json

    in_log = {
        (partition, event.sequence): json.loads(event.value)["causationid"]
        for partition, events in evidence.facts.log.items()
        for event in events
    }
    answered = {
        (place["partition"], place["sequence"]): result["causation_id"]
        for result in results
        for place in result["facts"]
    }
    assert answered == in_log


@pytest.fixture(scope="module")
def answers() -> dict[str, Result]:
    """By event id, the answers to everything that was sent in this module."""
    return {}


async def test_mentors_are_registered_first(battered: Upstream, answers: dict[str, Result]) -> None:
    for result in await battered.send_again(COHORT.reference):
        assert result["status"] == "accepted"
        answers[result["id"]] = result
    await battered.settle()


@pytest.mark.parametrize("part", PARTS)
async def test_killed_under_load_and_started_again_it_loses_nothing_and_repeats_nothing(
    battered: Upstream, answers: dict[str, Result], part: str
) -> None:
    events = load_of(part)
    load = Load(battered, events)

    async def strike() -> None:
        await battered.system.kill(part)
        await battered.system.start_part(part)

    await load.run(strike)
    await battered.settle()
    again = await battered.send_again(events)
    assert {result["status"] for result in again} == {"duplicate"}
    await battered.settle()

    answers |= {result["id"]: result for result in again}
    for first in load.results:
        assert first["facts"] == answers[first["id"]]["facts"], f"{first} was answered again otherwise"
    evidence = await gather(battered.servers)
    require_answered_facts(evidence, list(answers.values()))
    everything_holds(evidence)
    report = await battered.verify()
    assert report["verified"], report["first_difference"]
