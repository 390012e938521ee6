"""A deterministic cohort: one seed, one list of events, the same on every machine.

Every national ID carries a right checksum and belongs to nobody in particular: they are drawn at random.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from infra.demo.names import FEMALE_NAMES, LAST_NAMES, MALE_NAMES

SOURCE: Final = "/upstream/demo"
YEAR: Final = 1404
CENTERS: Final = (0, 1, 2)
CENTER_WEIGHTS: Final = (5, 3, 2)
GRADUATE_GROUPS: Final = (1, 3, 5, 7, 8, 9, 11, 12, 14, 17, 18)
STUDENT_GROUPS: Final = (
    21, 22, 23, 24, 25, 26, 27, 29, 30, 31, 33, 35, 41, 43, 45, 46, 53, 55, 66, 69, 83, 89,
)  # fmt: skip
GROUPS: Final = GRADUATE_GROUPS + STUDENT_GROUPS
SCHOOLS: Final = tuple(range(101, 131))
WRONG: Final = "invalid-"
"""How the ids of events begin that are wrong on purpose."""

Event = dict[str, Any]
"""One CloudEvent, as upstream sends it."""


@dataclass(frozen=True, slots=True)
class CohortSize:
    """How large a cohort is. Shares are of `students`."""

    students: int = 10_000
    mentors: int = 500
    managers: int = 40
    school_share: float = 0.10
    duplicate_share: float = 0.02
    unchanged_share: float = 0.01
    invalid_share: float = 0.01


@dataclass(slots=True)
class Cohort:
    """The events in the order in which they are sent: `reference` is applied before `students` begin."""

    reference: list[Event] = field(default_factory=list)
    students: list[Event] = field(default_factory=list)
    distinct_students: int = 0

    @property
    def wrong(self) -> frozenset[str]:
        """The ids of the events that are wrong on purpose: intake rejects these, and no others."""
        return wrong_ids(self.students)


def wrong_ids(events: Iterable[Event]) -> frozenset[str]:
    """Of those among the events that are wrong on purpose."""
    return frozenset(event["id"] for event in events if event["id"].startswith(WRONG))


def make_cohort(seed: int = 1404, size: CohortSize | None = None) -> Cohort:
    """Managers, a roster and mentors; then students, some of them twice, again or wrong."""
    size = size or CohortSize()
    draw = random.Random(seed)  # noqa: S311 - the cohort must be the same everywhere, not secret
    cohort = Cohort(distinct_students=size.students)
    cohort.reference = [*_managers(draw, size), _roster(), *_mentors(draw, size)]
    valid = list(_students(draw, size))
    cohort.students = _with_noise(draw, valid, size)
    return cohort


def national_id(digits: int) -> str:
    """The ten digits of a national ID whose first nine are `digits`, with its check digit."""
    nine = f"{digits:09d}"
    remainder = sum(int(digit) * (10 - place) for place, digit in enumerate(nine)) % 11
    return nine + str(remainder if remainder < 2 else 11 - remainder)


def _event(kind: str, event_id: str, data: dict[str, Any]) -> Event:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": f"rahnama.{kind}.v1",
        "datacontenttype": "application/json",
        "data": data,
    }


def _managers(draw: random.Random, size: CohortSize) -> Iterator[Event]:
    for manager_id in range(1, size.managers + 1):
        yield _event(
            "manager.registered",
            f"manager-{manager_id}",
            {
                "manager_id": manager_id,
                "full_name": f"{draw.choice(FEMALE_NAMES + MALE_NAMES)} {draw.choice(LAST_NAMES)}",
                "email": f"manager{manager_id}@example.org",
                "phone": _mobile(draw),
                "is_active": manager_id % 20 != 0,
                "centers": sorted(draw.sample(CENTERS, draw.choice((1, 2, 2, 3, 3)))),
            },
        )


def _roster() -> Event:
    return _event("school-roster.published", f"roster-{YEAR}", {"year": YEAR, "school_codes": list(SCHOOLS)})


def _mentors(draw: random.Random, size: CohortSize) -> Iterator[Event]:
    per_mentor = size.students / max(1, size.mentors)
    for number in range(size.mentors):
        gender = number % 2
        is_school = number % 8 in (6, 7)
        data: dict[str, Any] = {
            "mentor_id": 1001 + number,
            "name": f"{draw.choice((FEMALE_NAMES, MALE_NAMES)[gender])} {draw.choice(LAST_NAMES)}",
            "mobile": _mobile(draw),
            "gender": gender,
            "type": "school" if is_school else "normal",
            "capacity": max(1, round(per_mentor * draw.uniform(0.6, 1.6) * (0.7 if is_school else 1.0))),
            "active": draw.random() > 0.02,
            "manager_id": draw.randint(1, size.managers) if size.managers and draw.random() < 0.6 else None,
            "groups": sorted(draw.sample(GROUPS, draw.randint(6, 12))),
            "centers": sorted(draw.sample(CENTERS, draw.choice((1, 2, 2, 3)))),
        }
        if is_school:
            data["schools"] = sorted(draw.sample(SCHOOLS, draw.randint(4, 8)))
            data["groups"] = sorted(draw.sample(STUDENT_GROUPS, 16))
        yield _event("mentor.registered", f"mentor-{1001 + number}", data)


def _students(draw: random.Random, size: CohortSize) -> Iterator[Event]:
    numbers = draw.sample(range(10_000_000, 999_999_999), size.students)
    for place, digits in enumerate(numbers):
        gender = draw.randint(0, 1)
        school_student = draw.random() < size.school_share
        graduate = not school_student and draw.random() < 0.15
        yield _event(
            "student.registered",
            f"student-{place}",
            {
                "year": YEAR,
                "national_id": national_id(digits),
                "first_name": draw.choice((FEMALE_NAMES, MALE_NAMES)[gender]),
                "last_name": draw.choice(LAST_NAMES),
                "father_name": draw.choice(MALE_NAMES),
                "birth_date": f"{draw.randint(2004, 2010)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
                "gender": gender,
                "edu_status": 0 if graduate else 1,
                "reg_center": draw.choices(CENTERS, CENTER_WEIGHTS)[0],
                "reg_status": draw.choices((0, 1, 3), (7, 2, 1))[0],
                "group_code": draw.choice(
                    GRADUATE_GROUPS if graduate else STUDENT_GROUPS if school_student else GROUPS
                ),
                "school_code": draw.choice(SCHOOLS)
                if school_student
                else draw.choice((None, None, None, 555)),
                "mobile": _mobile(draw),
            },
        )


def _with_noise(draw: random.Random, valid: list[Event], size: CohortSize) -> list[Event]:
    """The students with some sent twice (same id), some registered again as they are, and some wrong."""
    events = list(valid)
    for original in draw.sample(valid, round(size.duplicate_share * len(valid))):
        events.append(dict(original))
    for number, original in enumerate(draw.sample(valid, round(size.unchanged_share * len(valid)))):
        events.append({**original, "id": f"again-{number}"})
    for number, original in enumerate(draw.sample(valid, round(size.invalid_share * len(valid)))):
        events.append({**original, "id": f"{WRONG}{number}", "data": _spoil(number, original["data"])})
    draw.shuffle(events)
    return events


def _spoil(number: int, data: dict[str, Any]) -> dict[str, Any]:
    check = data["national_id"][-1]
    faults: tuple[dict[str, Any], ...] = (
        {"national_id": data["national_id"][:-1] + str((int(check) + 1) % 10)},
        {"edu_status": None},
        {"mobile": "09123"},
        {"edu_status": 0, "group_code": 89},
        {"reg_center": 9},
    )
    return {**data, **faults[number % len(faults)]}


def _mobile(draw: random.Random) -> str:
    return f"09{draw.randint(10, 39)}{draw.randint(0, 9_999_999):07d}"
