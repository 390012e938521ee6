"""Seeded histories of several senders, made to meet: each is a list of batches, one sent after the other."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from infra.demo.cohort import national_id
from tests.integration.intake.harness import Event, event

Senders = list[list[list[Event]]]
CENTERS: Final[tuple[list[int], ...]] = ([0], [1], [0, 1], [2], [])
SCHOOLS: Final = (101, 102, 103)
YEARS: Final = (1403, 1404)
SENDERS: Final = 4


class Maker:
    """Makes events of one round; ids count up, and each event has a time of its own."""

    def __init__(self, random: Random, tenants: tuple[str, ...]) -> None:
        self.random = random
        self.tenants = tenants
        self._made = 0

    def _event(self, kind: str, data: dict[str, Any], tenant: str | None) -> Event:
        self._made += 1
        owner = tenant or self.tenants[0]
        seconds, milliseconds = divmod(self._made, 1000)
        time = f"2025-09-23T05:{seconds // 60:02d}:{seconds % 60:02d}.{milliseconds:03d}000Z"
        return event(kind, f"{kind}-{self._made}", data, source=f"/upstream/{owner}", time=time)

    def student(self, number: int, tenant: str | None = None, **data: Any) -> Event:
        """A registration."""
        told = {
            "year": self.random.choice(YEARS),
            "national_id": national_id(200_000_000 + number),
            "first_name": "A",
            "last_name": self.random.choice(["B", "C"]),
            "birth_date": None,
            "mobile": None,
            "gender": self.random.randrange(2),
            "edu_status": 1,
            "reg_center": 0,
            "reg_status": 0,
            "group_code": self.random.choice([27, 1]),
            "school_code": self.random.choice([None, *SCHOOLS]),
        }
        return self._event("student.registered", told | data, tenant)

    def withdrawal(self, number: int, tenant: str | None = None, **data: Any) -> Event:
        """The end of one year."""
        told = {"year": self.random.choice(YEARS), "national_id": national_id(200_000_000 + number)}
        return self._event("student.withdrawn", told | data, tenant)

    def mentor(self, number: int, tenant: str | None = None, **data: Any) -> Event:
        """A mentor of one of two managers, or of none."""
        told = {
            "mentor_id": number,
            "gender": number % 2,
            "type": "normal",
            "groups": self.random.choice([[1], [27]]),
            "centers": [0],
            "manager_id": self.random.choice([7, 7, 8, None]),
        }
        return self._event("mentor.registered", told | data, tenant)

    def manager(self, number: int = 7, tenant: str | None = None) -> Event:
        """A manager with other centres each time, sometimes inactive."""
        data = {
            "manager_id": number,
            "is_active": self.random.random() < 0.8,
            "centers": self.random.choice(CENTERS),
        }
        return self._event("manager.registered", data, tenant)

    def roster(self, tenant: str | None = None) -> Event:
        """Some of the schools, or none."""
        codes = sorted(self.random.sample(SCHOOLS, self.random.randrange(len(SCHOOLS) + 1)))
        return self._event(
            "school-roster.published", {"year": self.random.choice(YEARS), "school_codes": codes}, tenant
        )


def centres(make: Maker) -> Senders:
    """Managers change their centres while their mentors are registered."""
    choose = make.random
    return [
        [[make.manager(choose.choice([7, 7, 8]))] for _ in range(4)],
        [[make.manager()], [make.mentor(number) for number in (5, 4, 3)], [make.manager()]],
        *[
            [[make.mentor(choose.randrange(1, 7)) for _ in range(choose.randrange(1, 4))] for _ in range(4)]
            for _ in range(2)
        ],
    ]


def genders(make: Maker) -> Senders:
    """The same people are registered with two genders, in several years, and withdrawn."""

    def one() -> Event:
        number = make.random.randrange(3)
        return make.withdrawal(number) if make.random.random() < 0.2 else make.student(number)

    return [[[one() for _ in range(make.random.randrange(1, 4))] for _ in range(4)] for _ in range(SENDERS)]


def opposites(make: Maker) -> Senders:
    """Batches with the same students and mentors, many of them new, in opposite orders."""
    senders: Senders = []
    for sender in range(SENDERS):
        batches = []
        for start in (0, 4, 0):
            batch = [make.student(start + number) for number in range(4)]
            batch += [make.mentor(start + number, gender=make.random.randrange(2)) for number in range(1, 5)]
            batches.append(batch if sender % 2 else batch[::-1])
        senders.append(batches)
    return senders


def rosters(make: Maker) -> Senders:
    """A year's roster changes while its students are registered and move."""
    return [
        [[make.roster()] for _ in range(3)],
        [[make.student(0), make.roster(), make.student(1), make.roster()], [make.withdrawal(0)]],
        *[[[make.student(make.random.randrange(5)) for _ in range(3)] for _ in range(3)] for _ in range(2)],
    ]


def two_tenants(make: Maker) -> Senders:
    """Batches that move the references of two tenants, in opposite orders."""
    senders: Senders = []
    for sender in range(SENDERS):
        batches = []
        for _ in range(3):
            order = make.tenants if sender % 2 else make.tenants[::-1]
            batch = []
            for tenant in order:
                batch.append(make.manager(7, tenant) if make.random.random() < 0.7 else make.roster(tenant))
                batch.append(make.mentor(make.random.randrange(1, 4), tenant))
                batch.append(make.student(make.random.randrange(3), tenant))
            batches.append(batch)
        senders.append(batches)
    return senders


def everything(make: Maker) -> Senders:
    """All kinds of events of two tenants, in batches of any size."""

    def one() -> Event:
        tenant = make.random.choice(make.tenants)
        match make.random.randrange(8):
            case 0:
                return make.manager(make.random.choice([7, 8]), tenant)
            case 1:
                return make.roster(tenant)
            case 2:
                return make.withdrawal(make.random.randrange(3), tenant)
            case 3 | 4:
                return make.mentor(make.random.randrange(1, 5), tenant, gender=make.random.randrange(2))
            case _:
                return make.student(make.random.randrange(3), tenant)

    return [[[one() for _ in range(make.random.randrange(1, 7))] for _ in range(3)] for _ in range(SENDERS)]


HISTORIES: Final[Mapping[str, Callable[[Maker], Senders]]] = {
    made.__name__: made for made in (centres, genders, opposites, rosters, two_tenants, everything)
}
