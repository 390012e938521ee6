"""Who exists upstream, and what happens to them in one trial: events in lanes, each lane in its order.

All events of one subject of a trial are in one lane; the trial before is over. So their order is upstream's order.
"""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Final

from infra.demo.cohort import CENTERS, SCHOOLS, YEAR, national_id
from tests.faults.subjects import Data, Leaving, Step, Tenant

GROUPS: Final = (27, 31, 35)
NAMES: Final = ("سیمرغفر", "کوهستانزاد", "تهمورثیار")
"""First, last and father's name of everybody: nothing else is called so, and nothing may say them."""
YEARS: Final = (YEAR, YEAR - 1)
LANES: Final = 4


class Workload:
    """Grows from trial to trial. What it does next depends on `draw` alone."""

    def __init__(self, tenants: dict[str, str]) -> None:
        self.tenants = [Tenant(source, name) for source, name in tenants.items()]
        self.numbers: set[bytes] = set()
        """National IDs and mobiles."""
        self._next = 0
        self._lives: Counter[tuple[str, str]] = Counter()
        self._changed: set[int] = set()

    def beginning(self, draw: random.Random) -> list[Step]:
        """Managers, a roster and mentors, whom the first students find."""
        steps = []
        for tenant in self.tenants:
            steps += [self._manager(draw, tenant, manager_id) for manager_id in (1, 2, 3)]
            steps.append(self._roster(draw, tenant))
            steps += [self._mentor(draw, tenant, 1000 + number) for number in range(8)]
        return steps

    def trial(self, draw: random.Random, students: int, *, only_new: bool = False) -> list[list[Step]]:
        """The lanes of one trial, with about `students` new students and as much again that happens to others.

        `only_new`: nothing happens to anybody who was there before, of whom something may still be on its way.
        """
        steps: list[Step] = []
        self._changed.clear()
        if not only_new:
            steps += self._changes(draw, students)
        for _ in range(students):
            tenant = draw.choices(self.tenants, (3, 2, 1))[0]
            steps.append(self._student(draw, tenant, self._person(draw, tenant)))
        if only_new:
            steps.append(self.new_mentor(draw))
        draw.shuffle(steps)
        steps += self._noise(draw, steps)
        lanes: list[list[Step]] = [[] for _ in range(LANES)]
        homes: dict[str, int] = {}
        for step in steps:
            lanes[homes.setdefault(step.subject, draw.randrange(LANES))].append(step)
        return lanes

    def _changes(self, draw: random.Random, students: int) -> Iterator[Step]:
        for _ in range(students // 2):
            yield from self._change_of_student(draw, draw.choice(self.tenants))
        for _ in range(max(4, students // 12)):
            yield self._change_of_others(draw, draw.choice(self.tenants))

    def new_mentor(self, draw: random.Random) -> Step:
        """Somebody who was not there before."""
        tenant = draw.choice(self.tenants)
        return self._mentor(draw, tenant, 1000 + len(tenant.mentors))

    def leaving(self, draw: random.Random, most: int) -> list[Leaving]:
        """Some of those to whom nothing happens in the trial that was just made, and who were there before it."""
        found = []
        for tenant in self.tenants:
            there = [person for person in tenant.students if id(person) not in self._changed]
            for person in draw.sample(there, min(most, len(there))):
                tenant.students.remove(person)
                tenant.erased.append(person)
                subject = self._subject_of(tenant, person)
                self._lives[tenant.name, person["national_id"]] += 1
                found.append(Leaving(tenant.source, f"{tenant.name} {subject}"))
        return found

    def _change_of_student(self, draw: random.Random, tenant: Tenant) -> Iterator[Step]:
        """Of somebody who was there before this trial, so that one lane has all of it; or erased, and comes again."""
        if tenant.erased and draw.random() < 0.1:
            person = tenant.erased.pop(draw.randrange(len(tenant.erased)))
            tenant.students.append(person)
        elif tenant.students:
            person = draw.choice(tenant.students)
        else:
            return
        if id(person) in self._changed:
            return
        self._changed.add(id(person))
        match draw.randrange(10):
            case 0:
                person["gender"] = 1 - person["gender"]
                yield self._student(draw, tenant, person)
            case 1:
                data = {"year": person["year"], "national_id": person["national_id"]}
                yield self._step(tenant, "student.withdrawn", data, self._subject_of(tenant, person))
                if draw.random() < 0.5:
                    yield self._student(draw, tenant, person)
            case 2:
                yield self._student(draw, tenant, {**person, "year": draw.choice(YEARS)})
            case 3:
                yield self._student(draw, tenant, person)
            case _:
                person |= {"reg_center": draw.choice(CENTERS), "group_code": draw.choice(GROUPS)}
                yield self._student(draw, tenant, person)
                person |= {"school_code": draw.choice((None, *SCHOOLS[:6]))}
                yield self._student(draw, tenant, person)

    def _change_of_others(self, draw: random.Random, tenant: Tenant) -> Step:
        match draw.randrange(8):
            case 0:
                return self._manager(draw, tenant, draw.randint(1, 4))
            case 1:
                return self._roster(draw, tenant)
            case 2 | 3:
                return self._mentor(draw, tenant, 1000 + len(tenant.mentors))
            case _:
                return self._mentor(draw, tenant, draw.choice(sorted(tenant.mentors)))

    def _noise(self, draw: random.Random, steps: list[Step]) -> list[Step]:
        """Repeats, what is said again under another id, wrong values, an id used twice, and unknown types."""
        noise = []
        for step in draw.sample(steps, len(steps) // 15):
            noise.append(Step(step.event, step.subject, again=True))
        for step in draw.sample(steps, len(steps) // 20):
            data = dict(step.event["data"])
            data[draw.choice(sorted(data))] = draw.choice((None, "نامعتبر", -7, [], {"a": 1}))
            noise.append(Step({**step.event, "id": self._id(), "data": data}, step.subject))
        for step in draw.sample(steps, 2):
            noise.append(
                Step({**step.event, "id": self._id(), "type": "rahnama.student.promoted.v1"}, step.subject)
            )
        return noise

    def _person(self, draw: random.Random, tenant: Tenant) -> Data:
        number = national_id(draw.randrange(10_000_000, 999_999_999))
        mobile = f"09{draw.randint(10, 39)}{draw.randint(0, 9_999_999):07d}"
        self.numbers |= {number.encode(), mobile.encode()}
        first, last, father = NAMES
        person = {
            "year": draw.choices(YEARS, (4, 1))[0],
            "national_id": number,
            "first_name": first,
            "last_name": last,
            "father_name": father,
            "gender": draw.randint(0, 1),
            "edu_status": draw.choices((1, 0), (6, 1))[0],
            "reg_center": draw.choice(CENTERS),
            "reg_status": draw.choice((0, 1, 3)),
            "group_code": draw.choice(GROUPS),
            "school_code": draw.choices((None, *SCHOOLS[:3]), (12, 1, 1, 1))[0],
            "mobile": mobile,
        }
        if person["edu_status"] == 0:
            person["group_code"] = 8
        tenant.students.append(person)
        self._changed.add(id(person))
        return person

    def _subject_of(self, tenant: Tenant, person: Data) -> str:
        """Whoever comes again after an erasure is somebody else."""
        number = person["national_id"]
        return f"student {number} {self._lives[tenant.name, number]}"

    def _student(self, draw: random.Random, tenant: Tenant, person: Data) -> Step:
        if person["edu_status"] == 0:
            person["group_code"] = 8
        return self._step(tenant, "student.registered", dict(person), self._subject_of(tenant, person))

    def _mentor(self, draw: random.Random, tenant: Tenant, mentor_id: int) -> Step:
        known = tenant.mentors.get(mentor_id, {})
        is_school = mentor_id % 5 == 4
        data = tenant.mentors[mentor_id] = {
            "mentor_id": mentor_id,
            "name": f"{NAMES[0]} {NAMES[1]}",
            "gender": known.get("gender", mentor_id % 2),
            "type": "school" if is_school else "normal",
            "capacity": draw.choice((0, 5, 20, 40)),
            "active": draw.random() < 0.85,
            "manager_id": draw.choice((None, None, 1, 2, 3, 4)),
            "groups": sorted({8, *draw.sample(GROUPS, 2)}),
            "centers": sorted(draw.sample(CENTERS, 2)),
            **({"schools": sorted(draw.sample(SCHOOLS[:6], 3))} if is_school else {}),
        }
        return self._step(tenant, "mentor.registered", dict(data), f"mentor {mentor_id}")

    def _manager(self, draw: random.Random, tenant: Tenant, manager_id: int) -> Step:
        data = tenant.managers[manager_id] = {
            "manager_id": manager_id,
            "full_name": f"{NAMES[0]} {NAMES[1]}",
            "is_active": draw.random() < 0.8,
            "centers": sorted(draw.sample(CENTERS, draw.choice((1, 2, 3)))),
        }
        return self._step(tenant, "manager.registered", dict(data), f"manager {manager_id}")

    def _roster(self, draw: random.Random, tenant: Tenant) -> Step:
        year = draw.choice(YEARS)
        data = {"year": year, "school_codes": sorted(draw.sample(SCHOOLS[:6], 3))}
        return self._step(tenant, "school-roster.published", data, f"roster {year}")

    def _step(self, tenant: Tenant, kind: str, data: Data, subject: str) -> Step:
        """Every tenth event is traced."""
        event = {
            "specversion": "1.0",
            "id": self._id(),
            "source": tenant.source,
            "type": f"rahnama.{kind}.v1",
            "datacontenttype": "application/json",
            "data": data,
        }
        if self._next % 10 == 0:
            event["traceparent"] = f"00-{self._next:032x}-{self._next:016x}-01"
        return Step(event, f"{tenant.name} {subject}")

    def _id(self) -> str:
        self._next += 1
        return f"e{self._next}"
