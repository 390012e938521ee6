"""Facts and decisions told again, from the bytes of the logs alone: who has whom, how full, which counters.

What contradicts what came before is kept under the invariant that it breaks, and the telling goes on.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from tests.invariants.evidence import Event, Evidence, told
from tests.invariants.rules import broken_rules

COUNTER_PREFIXES: Final = ("373", "357")
LAST_COUNTER: Final = 9999

Student = tuple[str, int, int, str]
"""Tenant, gender, year, student_id: a student in a pool."""
MentorYear = tuple[str, int, int]
"""Tenant, year, mentor_id."""
CounterPool = tuple[str, int, int]
"""Tenant, year, gender."""


@dataclass
class Replayed:
    """What the logs come to. `outcomes` holds (status, mentor_id); `numbers` are those of new counters, in order.

    `students` and `mentors` hold the latest fact; whoever has left a pool is not in `students`.
    """

    students: dict[Student, dict[str, Any]] = field(default_factory=dict)
    mentors: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    outcomes: dict[Student, tuple[str, int | None]] = field(default_factory=dict)
    loads: Counter[MentorYear] = field(default_factory=Counter)
    numbers: dict[CounterPool, list[int]] = field(default_factory=dict)
    counters: dict[tuple[str, int, str], str] = field(default_factory=dict)
    contradictions: dict[str, list[str]] = field(default_factory=dict)

    def contradict(self, invariant: str, finding: str) -> None:
        """Keeps what contradicts `invariant`."""
        self.contradictions.setdefault(invariant, []).append(finding)

    def require_none(self, invariant: str) -> None:
        """Raises `AssertionError` with the first contradiction of `invariant`."""
        found = self.contradictions.get(invariant, [])
        assert not found, f"{found[0]} (and {len(found) - 1} more)" if len(found) > 1 else found[0]


@lru_cache(maxsize=1)
def replay_evidence(evidence: Evidence) -> Replayed:
    """From the first fact to the last decision, partition by partition."""
    replayed = Replayed()
    both = told(evidence)
    for partition in sorted({*both.facts, *both.decisions}):
        facts = list(both.facts.get(partition, ()))
        places = {fact.id: place for place, fact in enumerate(facts)}
        taken = 0
        for decision in both.decisions.get(partition, ()):
            place = places.get(decision.causation_id)
            if place is None:
                replayed.contradict("I8", f"{decision.id}: its cause {decision.causation_id} is no fact")
                continue
            if place + 1 < taken:
                replayed.contradict("I8", f"{decision.id} stands after a decision on a later fact")
            for fact in facts[taken : place + 1]:
                _take_fact(replayed, fact)
            taken = max(taken, place + 1)
            if decision.time != facts[place].time:
                replayed.contradict("I8", f"{decision.id} has another time than its fact")
            _take_decision(replayed, decision, partition % 2)
        for fact in facts[taken:]:
            _take_fact(replayed, fact)
    return replayed


def _take_fact(replayed: Replayed, fact: Event) -> None:
    data = fact.data
    match fact.kind:
        case "student.registered":
            replayed.students[fact.tenant, data["gender"], data["year"], data["student_id"]] = data
        case "student.withdrawn":
            replayed.students.pop((fact.tenant, data["gender"], data["year"], data["student_id"]), None)
        case "student.erased":
            gone = (fact.tenant, data["gender"], data["student_id"])
            for student in [key for key in replayed.students if (key[0], key[1], key[3]) == gone]:
                del replayed.students[student]
        case "mentor.registered":
            replayed.mentors[fact.tenant, data["mentor_id"]] = data


def _take_decision(replayed: Replayed, event: Event, gender: int) -> None:
    data = event.data
    student = (event.tenant, gender, data["year"], data["student_id"])
    status, mentor_id = replayed.outcomes.get(student, (None, None))
    match event.kind:
        case "student.assigned":
            if status == "assigned":
                replayed.contradict("I1", f"{event.id} assigns {student} again without a release")
            _fill_place(replayed, event, student)
            _give_counter(replayed, event, gender)
            replayed.outcomes[student] = ("assigned", data["mentor_id"])
        case "student.waitlisted":
            if status == "assigned":
                replayed.contradict("I1", f"{event.id} lets {student} wait, who has a mentor")
            replayed.outcomes[student] = ("waitlisted", None)
        case "student.released" | "student.withdrawn" as kind:
            if mentor_id != data["previous_mentor_id"]:
                replayed.contradict("I1", f"{event.id} takes {student} from another mentor than {mentor_id}")
            if mentor_id is not None:
                replayed.loads[event.tenant, data["year"], mentor_id] -= 1
            replayed.outcomes[student] = (kind.removeprefix("student."), None)
        case "directive.rejected":
            return
        case other:
            replayed.contradict("I4", f"{event.id} has the unknown type {other}")
            return
    _require_version(replayed, event, student)


def _require_version(replayed: Replayed, event: Event, student: Student) -> None:
    """A decision carries the version of the student's latest fact; one that ends an enrolment that of the end."""
    fact = replayed.students.get(student)
    if fact is None:
        if event.kind not in ("student.released", "student.withdrawn"):
            replayed.contradict("I4", f"{event.id} is of {student}, of whom there is no fact")
    elif event.data["version"] != fact["version"]:
        replayed.contradict(
            "I8", f"{event.id} has version {event.data['version']}; the latest fact has {fact['version']}"
        )


def _fill_place(replayed: Replayed, event: Event, student: Student) -> None:
    data = event.data
    place = (event.tenant, data["year"], data["mentor_id"])
    load, capacity = data["rank"]["load"], data["rank"]["capacity"]
    mentor = replayed.mentors.get((event.tenant, data["mentor_id"]))
    fact = replayed.students.get(student)
    if mentor is None or fact is None:
        replayed.contradict("I2", f"{event.id} assigns {student} to {place}: of one of them there is no fact")
    else:
        if capacity != mentor["capacity"]:
            replayed.contradict(
                "I2", f"{event.id} says capacity {capacity}; the mentor's is {mentor['capacity']}"
            )
        if broken := broken_rules(fact, mentor):
            replayed.contradict("I2", f"{event.id} assigns {student} to {place} against {broken}")
    if load != replayed.loads[place]:
        replayed.contradict("I2", f"{event.id} counts {load} with {place}, not {replayed.loads[place]}")
    if load >= capacity:
        replayed.contradict("I2", f"{event.id} fills {place} beyond {capacity}")
    replayed.loads[place] += 1


def _give_counter(replayed: Replayed, event: Event, gender: int) -> None:
    data = event.data
    owner = (event.tenant, gender, data["student_id"])
    pool = (event.tenant, data["year"], gender)
    counter, first = data["counter"], replayed.counters.get(owner)
    if first is not None:
        if counter != first:
            replayed.contradict("I3", f"{event.id} gives {owner} a second counter after {first}")
        return
    if counter is None:
        if len(replayed.numbers.get(pool, ())) < LAST_COUNTER:
            replayed.contradict("I3", f"{event.id} gives {owner} no counter, and there are some left")
        return
    replayed.counters[owner] = counter
    start = f"{data['year'] % 100:02d}{COUNTER_PREFIXES[gender]}"
    if not (counter.startswith(start) and len(counter) == 9 and counter.isdigit()):
        replayed.contradict("I3", f"{event.id} gives {counter}, not {start} and four digits")
        return
    replayed.numbers.setdefault(pool, []).append(int(counter[5:]))
