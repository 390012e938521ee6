"""Both pools of a tenant as intake sees them: who has which gender and version, and the facts that it writes of that.

A student's version is counted over both pools. One whose gender is corrected leaves the old pool and comes to the
new one, in every year in which it is enrolled: a withdrawal n, a registration n + 1.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Literal

from msgspec import structs

from shared.contracts.facts import Fact, MentorRegistered, StudentRegistered, StudentWithdrawnFact
from tests.oracle.histories import YEARS, changed_manager, mentor, student

PEOPLE = tuple(f"01890000-0000-7000-8000-{number:012d}" for number in range(1, 13))


@dataclass
class World:
    """`facts` are the two pools' own logs, by gender; `enrolled` holds what is live, by (year, student)."""

    facts: dict[int, list[Fact]] = field(default_factory=lambda: {0: [], 1: []})
    versions: dict[str | int, int] = field(default_factory=dict)
    genders: dict[str, int] = field(default_factory=dict)
    enrolled: dict[tuple[int, str], StudentRegistered] = field(default_factory=dict)

    def anything(self, number: int) -> None:
        """One happening, drawn from the number."""
        random = Random(number)
        kind = random.randrange(20)
        if kind < 4:
            self.mentor_comes(random)
        elif kind < 5:
            self.manager_changes(random)
        elif kind < 14:
            self.student_comes(random)
        elif kind < 16:
            self.student_is_withdrawn(random)
        else:
            self.student_moves(random)

    def mentor_comes(self, random: Random) -> None:
        """A new mentor, or a known one with other attributes; its gender goes by its id."""
        self._write_mentors([mentor(random, 0)])

    def manager_changes(self, random: Random) -> None:
        """All mentors of a manager are told of again, in both pools."""
        self._write_mentors(changed_manager(random, 0))

    def student_comes(self, random: Random) -> None:
        """A new student or year, or a known one with other attributes."""
        name = random.choice(PEOPLE)
        self._enrol(student(random, self.genders.setdefault(name, random.randrange(2)), name))

    def student_is_withdrawn(self, random: Random) -> None:
        """One year of a student ends, if there is one that is live."""
        if self.enrolled:
            self._end(self.enrolled[random.choice(sorted(self.enrolled))], "withdrawn")

    def student_moves(self, random: Random) -> None:
        """A student's gender is corrected, there or back again."""
        known = sorted(self.genders)
        if not known:
            return
        name = random.choice(known)
        new = 1 - self.genders[name]
        for fact in [self.enrolled[year, name] for year in YEARS if (year, name) in self.enrolled]:
            self._end(fact, "moved")
            self._enrol(structs.replace(fact, gender=new))
        self.genders[name] = new

    def _enrol(self, fact: StudentRegistered) -> None:
        fact = structs.replace(fact, version=self._next_version(fact.student_id))
        self.enrolled[fact.year, fact.student_id] = fact
        self.facts[fact.gender].append(fact)

    def _end(self, fact: StudentRegistered, reason: Literal["withdrawn", "moved"]) -> None:
        del self.enrolled[fact.year, fact.student_id]
        self.facts[fact.gender].append(
            StudentWithdrawnFact(
                version=self._next_version(fact.student_id),
                occurred_at=None,
                year=fact.year,
                student_id=fact.student_id,
                gender=fact.gender,
                reason=reason,
            )
        )

    def _write_mentors(self, facts: list[MentorRegistered]) -> None:
        for fact in facts:
            gender, version = fact.mentor_id // 50 % 2, self._next_version(fact.mentor_id)
            self.facts[gender].append(structs.replace(fact, gender=gender, version=version))

    def _next_version(self, subject: str | int) -> int:
        self.versions[subject] = self.versions.get(subject, 0) + 1
        return self.versions[subject]
