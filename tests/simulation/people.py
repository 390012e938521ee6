"""A small cohort: what upstream has to tell of a few students, mentors and managers, in some order, partly wrong."""

import random
from collections.abc import Iterator
from typing import Any, Final

from tests.simulation.upstream import Message

TENANTS: Final = {"default": "/upstream/demo", "qom": "/upstream/qom"}
YEARS: Final = (1403, 1404)
GROUPS: Final = (1, 3)
CENTERS: Final = (0, 1)
SCHOOLS: Final = (101, 102)
NAMES: Final = ("زهرا", "مریم", "علی", "رضا")
FAMILY: Final = ("کاظمی", "امینی", "نادری")

Kind = tuple[str, dict[str, Any], str]
"""Type, data, and whom it is about."""


def national_id(number: int) -> str:
    """The valid one whose first nine digits are `number`."""
    digits = f"{number:09d}"
    rest = sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11
    return digits + str(rest if rest < 2 else 11 - rest)


A_STUDENT: Final[dict[str, Any]] = {
    "year": YEARS[0],
    "national_id": national_id(119_000_000),
    "first_name": NAMES[0],
    "last_name": FAMILY[0],
    "gender": 0,
    "edu_status": 1,
    "reg_center": CENTERS[0],
    "reg_status": 0,
    "group_code": GROUPS[0],
    "school_code": None,
}
"""Whom a cohort has that would otherwise have no student: evidence without any proves nothing."""


def _registers_a_student(message: Message) -> bool:
    """Whether intake certainly accepts it."""
    data = message.document["data"]
    return (
        message.document["type"] == "rahnama.student.registered.v1"
        and message.document["source"] in TENANTS.values()
        and A_STUDENT.keys() <= data.keys()
        and data["edu_status"] == 1
        and "name" not in data
    )


class Cohort:
    """Makes messages; the same seed makes the same."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._sent = 0
        self._students = [national_id(120_000_000 + 7_919 * n) for n in range(1, 3 + chance.randrange(7))]
        self._genders = {student: chance.randrange(2) for student in self._students}
        self._mentors = list(range(150, 152 + chance.randrange(3)))
        self._mentor_genders = {mentor: chance.randrange(2) for mentor in self._mentors}
        self.personal: list[str] = []

    def lanes(self, events: int, lanes: int) -> list[list[Message]]:
        """`events` messages; those about the same person stand in one lane, in order."""
        found: list[list[Message]] = [[] for _ in range(lanes)]
        tenants = list(TENANTS)
        home = tenants[0] if self._chance.random() < 0.5 else None
        for number in range(events):
            tenant = home or self._chance.choice(tenants)
            kind = self._reference() if number < 4 else self._any()
            message = self._message(kind, tenant)
            lane = hash_of(message.subject) % lanes
            found[lane].append(message)
            if self._chance.random() < 0.04:
                found[lane].append(self._reused(message, tenant))
        if not any(_registers_a_student(message) for lane in found for message in lane):
            found[0].append(
                self._message(("rahnama.student.registered.v1", A_STUDENT, "student/last"), tenants[0])
            )
            found[0][-1].document["source"] = TENANTS[tenants[0]]
        return found

    def _message(self, kind: Kind, tenant: str) -> Message:
        self._sent += 1
        name, data, subject = kind
        source = TENANTS[tenant] if self._chance.random() < 0.97 else "/upstream/nobody"
        document = {
            "specversion": "1.0",
            "id": f"event-{self._sent:04d}",
            "source": source,
            "type": name,
            "time": "2026-03-21T08:30:00Z",
            "datacontenttype": "application/json",
            "data": data,
        }
        return Message(document, tenant, f"{tenant}/{subject}")

    def _reused(self, message: Message, tenant: str) -> Message:
        """The same id with other content."""
        other = {**message.document, "data": {**message.document["data"], "year": 1402, "name": "x"}}
        return Message(other, tenant, "")

    def _any(self) -> Kind:
        roll = self._chance.random()
        if roll < 0.62:
            return self._student()
        if roll < 0.72:
            return self._withdrawal()
        if roll < 0.92:
            return self._mentor()
        return self._reference()

    def _reference(self) -> Kind:
        roll = self._chance.random()
        if roll < 0.6:
            return self._mentor()
        return self._manager() if roll < 0.85 else self._roster()

    def _student(self) -> Kind:
        chance = self._chance
        student = chance.choice(self._students)
        if chance.random() < 0.08:
            self._genders[student] = 1 - self._genders[student]
        data: dict[str, Any] = {
            "year": chance.choice(YEARS),
            "national_id": student,
            "first_name": chance.choice(NAMES),
            "last_name": chance.choice(FAMILY),
            "gender": self._genders[student],
            "edu_status": int(chance.random() < 0.8),
            "reg_center": chance.choice(CENTERS),
            "reg_status": chance.choice((0, 1, 3)),
            "group_code": chance.choice(GROUPS),
            "school_code": chance.choice((None, None, *SCHOOLS)),
        }
        if chance.random() < 0.06:
            del data[chance.choice(("edu_status", "gender", "year", "national_id"))]
        return "rahnama.student.registered.v1", data, f"student/{student}"

    def _withdrawal(self) -> Kind:
        student = self._chance.choice(self._students)
        data = {"year": self._chance.choice(YEARS), "national_id": student}
        return "rahnama.student.withdrawn.v1", data, f"student/{student}"

    def _mentor(self) -> Kind:
        chance = self._chance
        mentor = chance.choice(self._mentors)
        kind = "school" if chance.random() < 0.25 else "normal"
        data: dict[str, Any] = {
            "mentor_id": mentor,
            "name": chance.choice(NAMES),
            "gender": self._mentor_genders[mentor],
            "type": kind,
            "capacity": chance.choice((0, 1, 1, 2, 3)),
            "active": chance.random() < 0.9,
            "manager_id": chance.choice((None, None, 7, 8)),
            "groups": chance.sample(GROUPS, 1 + chance.randrange(2)),
            "centers": chance.sample(CENTERS, 1 + chance.randrange(2)),
        }
        if kind == "school":
            data["schools"] = chance.sample(SCHOOLS, 1 + chance.randrange(2))
        if chance.random() < 0.05:
            data["groups"] = []
        return "rahnama.mentor.registered.v1", data, f"mentor/{mentor}"

    def _manager(self) -> Kind:
        chance = self._chance
        manager = chance.choice((7, 8))
        data = {
            "manager_id": manager,
            "full_name": chance.choice(FAMILY),
            "is_active": chance.random() < 0.8,
            "centers": chance.sample(CENTERS, chance.randrange(3)),
        }
        return "rahnama.manager.registered.v1", data, f"manager/{manager}"

    def _roster(self) -> Kind:
        year = self._chance.choice(YEARS)
        data = {"year": year, "school_codes": self._chance.sample(SCHOOLS, 1 + self._chance.randrange(2))}
        return "rahnama.school-roster.published.v1", data, f"roster/{year}"


def hash_of(text: str) -> int:
    """The same in every process, unlike `hash`."""
    return sum(text.encode()) * 2_654_435_761 >> 7


def numbers_of(lanes: list[list[Message]]) -> Iterator[bytes]:
    """Every national ID that was sent."""
    for lane in lanes:
        for message in lane:
            if (number := message.document["data"].get("national_id")) is not None:
                yield number.encode()
