"""Intake as it would be if events came one by one: a model that shares no rule with the product.

It names a student by its national ID and keeps everything in plain dictionaries.
"""

import copy
from dataclasses import dataclass, field
from typing import Any, Final

Data = dict[str, Any]

STUDENT_FIELDS: Final = ("edu_status", "reg_center", "reg_status", "group_code", "school_code")
PERSONAL_FIELDS: Final = ("first_name", "last_name", "birth_date", "mobile")
MENTOR_FIELDS: Final = ("type", "groups", "centers", "manager_id")


@dataclass(frozen=True)
class Told:
    """One fact: the pool's gender, what it is, whom it is about, and what it says beside its seal."""

    gender: int
    kind: str
    subject: str
    version: int
    data: tuple[tuple[str, Any], ...]


@dataclass
class Person:
    """A student. `years` holds, by year, what was told last, or is marked as withdrawn."""

    gender: int
    version: int = 0
    years: dict[int, Data] = field(default_factory=dict)


@dataclass
class Tenant:
    """Everything that one tenant has; changed by `apply`."""

    people: dict[str, Person] = field(default_factory=dict)
    mentors: dict[int, Data] = field(default_factory=dict)
    managers: dict[int, Data] = field(default_factory=dict)
    rosters: dict[int, list[int]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    arrivals: list[tuple[int, int, str]] = field(default_factory=list)

    def copy(self) -> "Tenant":
        """One that changes apart."""
        return copy.deepcopy(self)

    def apply(self, kind: str, data: Data) -> tuple[str, list[Told]]:
        """The status that an event is answered with, and its facts."""
        match kind:
            case "student.registered":
                return self._student(data)
            case "student.withdrawn":
                return self._withdrawal(data)
            case "mentor.registered":
                return self._mentor(data)
            case "manager.registered":
                return self._manager(data)
            case "school-roster.published":
                return self._roster(data)
            case _:
                raise AssertionError(f"the model knows no {kind}")

    def _next(self, subject: str) -> int:
        self.versions[subject] = self.versions.get(subject, 0) + 1
        return self.versions[subject]

    def _type(self, year: int, school: int | None) -> int:
        return 1 if school is not None and school in self.rosters.get(year, []) else 0

    def _student(self, data: Data) -> tuple[str, list[Told]]:
        name, year, gender = data["national_id"], data["year"], data["gender"]
        person = self.people.setdefault(name, Person(gender))
        told = {key: data.get(key) for key in (*STUDENT_FIELDS, *PERSONAL_FIELDS)}
        told |= {"student_type": self._type(year, data.get("school_code")), "gone": False}
        if person.gender == gender and person.years.get(year) == told:
            return "unchanged", []
        facts = []
        old, person.gender = person.gender, gender
        for each in sorted({*person.years, year}):
            was = person.years.get(each)
            if old != gender and was is not None and not was["gone"]:
                facts.append(self._left(name, each, old, "moved"))
            if each == year:
                person.years[each] = told
            elif old == gender or was is None or was["gone"]:
                continue
            facts.append(self._registered(name, each))
        return "accepted", facts

    def _registered(self, name: str, year: int) -> Told:
        person = self.people[name]
        arrival = (person.gender, year, name)
        if arrival not in self.arrivals:
            self.arrivals.append(arrival)
        told = person.years[year]
        shown = {key: told[key] for key in (*STUDENT_FIELDS, "student_type")}
        return _told(person.gender, "student.registered", name, self._next(name), year=year, **shown)

    def _left(self, name: str, year: int, gender: int, reason: str) -> Told:
        return _told(gender, "student.withdrawn", name, self._next(name), year=year, reason=reason)

    def _withdrawal(self, data: Data) -> tuple[str, list[Told]]:
        name, year = data["national_id"], data["year"]
        person = self.people.get(name)
        if person is None or year not in person.years:
            return "rejected", []
        if person.years[year]["gone"]:
            return "unchanged", []
        person.years[year] = {**person.years[year], "gone": True}
        return "accepted", [self._left(name, year, person.gender, "withdrawn")]

    def _centers(self, manager_id: int | None) -> list[int] | None:
        if manager_id is None:
            return None
        manager = self.managers.get(manager_id)
        return manager["centers"] if manager is not None and manager["is_active"] else []

    def _mentor(self, data: Data) -> tuple[str, list[Told]]:
        known = self.mentors.get(data["mentor_id"])
        if known is not None and known["gender"] != data["gender"]:
            return "rejected", []
        if known == data:
            return "unchanged", []
        self.mentors[data["mentor_id"]] = data
        return "accepted", [self._mentor_fact(data["mentor_id"])]

    def _mentor_fact(self, mentor_id: int) -> Told:
        mentor = self.mentors[mentor_id]
        shown = {key: mentor.get(key) for key in MENTOR_FIELDS}
        shown["manager_centers"] = self._centers(mentor.get("manager_id"))
        subject = f"mentor/{mentor_id}"
        return _told(mentor["gender"], "mentor.registered", subject, self._next(subject), **shown)

    def _manager(self, data: Data) -> tuple[str, list[Told]]:
        number = data["manager_id"]
        if self.managers.get(number) == data:
            return "unchanged", []
        before = self._centers(number)
        self.managers[number] = data
        subject = f"manager/{number}"
        shown = {"is_active": data["is_active"], "centers": data["centers"]}
        facts = [_told(0, "manager.registered", subject, self._next(subject), **shown)]
        if self._centers(number) != before:
            facts += [
                self._mentor_fact(mentor_id)
                for mentor_id in sorted(self.mentors)
                if self.mentors[mentor_id].get("manager_id") == number
            ]
        return "accepted", facts

    def _roster(self, data: Data) -> tuple[str, list[Told]]:
        year, codes = data["year"], data["school_codes"]
        if self.rosters.get(year) == codes:
            return "unchanged", []
        self.rosters[year] = codes
        subject = f"school-roster/{year}"
        facts = [_told(0, "school-roster.published", subject, self._next(subject), school_codes=codes)]
        for gender in (0, 1):
            for pool, of_year, name in self.arrivals:
                person = self.people[name]
                told = person.years.get(year)
                if (pool, of_year, person.gender) != (gender, year, gender) or told is None or told["gone"]:
                    continue
                now = self._type(year, told["school_code"])
                if now != told["student_type"]:
                    person.years[year] = {**told, "student_type": now}
                    facts.append(self._registered(name, year))
        return "accepted", facts


def _told(gender: int, kind: str, subject: str, version: int, **data: Any) -> Told:
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return Told(gender, kind, subject, version, tuple(sorted(frozen.items())))
