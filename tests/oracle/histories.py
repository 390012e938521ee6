"""Random histories of a partition: small worlds, in which ties, full mentors and returning students abound.

Each happening is made from one number, so that Hypothesis spends its time on which of them follow each other, and
shrinks a failing history to the few that matter. Most are one fact; a changed manager or roster, and a student
that moves to the other pool and back, are several.
"""

from random import Random

from hypothesis import strategies as st
from msgspec import structs

from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)

TENANTS = (*6 * ("default",), "north")
YEARS = (1403, 1404)
GROUPS = (1, 3, 5)
CENTERS = (0, 1, 2)
SCHOOLS = (101, 102)
MENTORS = tuple(50 * number for number in range(1, 10))
STUDENTS = tuple(f"student-{number}" for number in range(1, 15))

History = list[tuple[str, Fact]]
"""(tenant, fact) in the order of a partition's log."""


def histories(gender: int, most: int = 60) -> st.SearchStrategy[History]:
    """Every input of a partition, in any order; `most` is how much happens."""
    numbers = st.integers(0, 2**32)
    lengths = st.sampled_from((1, most // 2, most))  # left alone, most lists would be short
    return lengths.flatmap(lambda least: st.lists(numbers, min_size=least, max_size=most)).map(
        lambda drawn: [entry for number in drawn for entry in happening(number, gender)]
    )


def happening(number: int, gender: int) -> History:
    """The facts that a number stands for, all of one tenant."""
    random = Random(number)
    tenant = random.choice(TENANTS)
    kind = random.randrange(25)
    facts: list[Fact]
    if kind < 1:
        facts = [random.choice(PASSED_OVER)]
    elif kind < 7:
        facts = [mentor(random, gender)]
    elif kind < 19:
        facts = [student(random, gender)]
    elif kind < 21:
        facts = [withdrawal(random, gender, random.choice(STUDENTS), "withdrawn")]
    elif kind < 22:
        facts = there_and_back(random, gender)
    elif kind < 23:
        facts = [*changed_manager(random, gender)]
    elif kind < 24:
        facts = [erasure(random, gender)]
    else:
        facts = changed_roster(random, gender)
    return [(tenant, fact) for fact in facts]


def student(random: Random, gender: int, name: str | None = None) -> StudentRegistered:
    """A student that is often known already, mostly with common attributes."""
    school_code = random.choice((*4 * (None,), *SCHOOLS))
    return StudentRegistered(
        version=random.randint(1, 99),
        occurred_at=None,
        year=random.choice(YEARS),
        student_id=name or random.choice(STUDENTS),
        gender=gender,
        edu_status=random.choice((1, 1, 1, 1, 0)),
        reg_center=random.choice(CENTERS),
        reg_status=random.choice((0, 0, 0, 0, 0, 1, 1, 3, 3, 2)),
        group_code=random.choice(GROUPS),
        school_code=school_code,
        student_type=random.choice((0, 1, 1)) if school_code else 0,
        sealed="",
    )


def withdrawal(random: Random, gender: int, name: str, reason: str) -> StudentWithdrawnFact:
    """Often of a student or a year that nobody knows, or that has ended already."""
    return StudentWithdrawnFact(
        version=random.randint(1, 99),
        occurred_at=None,
        year=random.choice(YEARS),
        student_id=name,
        gender=gender,
        reason=reason,  # type: ignore[arg-type]
    )


def erasure(random: Random, gender: int) -> StudentErased:
    """Often of a student who is here in both years, or in none."""
    return StudentErased(
        version=random.randint(1, 99),
        occurred_at=None,
        student_id=random.choice(STUDENTS),
        gender=gender,
        years=some(random, YEARS, 0),
    )


def there_and_back(random: Random, gender: int) -> list[Fact]:
    """What this pool sees of a student that moves to the other pool, and maybe comes back in one year or both."""
    name = random.choice(STUDENTS)
    left: list[Fact] = [withdrawal(random, gender, name, "moved") for _ in range(2)]
    return [*left, *(student(random, gender, name) for _ in range(random.randint(0, 2)))]


def mentor(
    random: Random, gender: int, mentor_id: int | None = None, manager_centers: list[int] | None = None
) -> MentorRegistered:
    """A mentor that is often known already; ids come in no order."""
    if manager_centers is None:
        manager_centers = random.choice(
            (None, None, None, some(random, CENTERS, 0), some(random, CENTERS, 2))
        )
    return MentorRegistered(
        version=random.randint(1, 99),
        occurred_at=None,
        mentor_id=mentor_id or random.choice(MENTORS),
        gender=gender,
        type=random.choice((*4 * ("normal",), "school")),
        capacity=random.choice((0, 1, 1, 2, 2, 3, 4, 6)),
        active=random.random() < 0.9,
        alias_code=None,
        manager_id=None if manager_centers is None else 1,
        manager_centers=manager_centers,
        groups=random.choice((list(GROUPS), some(random, GROUPS, 1))),
        centers=random.choice((list(CENTERS), some(random, CENTERS, 1))),
        schools=some(random, SCHOOLS, 1),
        sealed="",
    )


def changed_manager(random: Random, gender: int) -> list[MentorRegistered]:
    """The manager's mentors one after the other, by id, each as it was, but for the manager's centres."""
    manager_centers = some(random, CENTERS, 0)
    ids = sorted(random.sample(MENTORS, random.randint(2, len(MENTORS))))
    return [mentor(Random(mentor_id), gender, mentor_id, manager_centers) for mentor_id in ids]


def changed_roster(random: Random, gender: int) -> list[Fact]:
    """Students of a school one after the other, each as it was, but for the type."""
    year, student_type = random.choice(YEARS), random.randrange(2)
    changes = {"year": year, "student_type": student_type, "school_code": random.choice(SCHOOLS)}
    names = random.sample(STUDENTS, random.randint(2, 6))
    return [structs.replace(student(Random(name), gender, name), **changes) for name in names]


def some(random: Random, values: tuple[int, ...], least: int) -> list[int]:
    """At least `least` of `values`, sorted."""
    return sorted(random.sample(values, random.randint(least, len(values))))


PASSED_OVER: tuple[Fact, ...] = (
    ManagerRegistered(version=1, occurred_at=None, manager_id=1, is_active=True, centers=[1], sealed=""),
    SchoolRosterPublished(version=1, occurred_at=None, year=1404, school_codes=[101]),
)
