"""Random histories of a partition: small worlds, in which ties, full mentors and returning students abound.

Each fact is made from one number, so that Hypothesis spends its time on which facts follow each other, and
shrinks a failing history to the few that matter.
"""

from random import Random

from hypothesis import strategies as st

from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentRegistered,
)

TENANTS = (*6 * ("default",), "north")
YEARS = (1403, 1404)
GROUPS = (1, 3, 5)
CENTERS = (0, 1, 2)
SCHOOLS = (101, 102)

History = list[tuple[str, Fact]]
"""(tenant, fact) in the order of a partition's log."""


def histories(gender: int, most: int = 60) -> st.SearchStrategy[History]:
    """Every input of a partition, in any order."""
    numbers = st.integers(0, 2**32)
    lengths = st.sampled_from((1, most // 2, most))  # left alone, most lists would be short
    return lengths.flatmap(lambda least: st.lists(numbers, min_size=least, max_size=most)).map(
        lambda drawn: [entry(number, gender) for number in drawn]
    )


def entry(number: int, gender: int) -> tuple[str, Fact]:
    """The fact that a number stands for, and its tenant."""
    random = Random(number)
    kind = random.randrange(20)
    if kind == 0:
        fact: Fact = random.choice(PASSED_OVER)
    else:
        fact = mentor(random, gender) if kind < 7 else student(random, gender)
    return random.choice(TENANTS), fact


def student(random: Random, gender: int) -> StudentRegistered:
    """A student that is often known already, mostly with common attributes."""
    school_code = random.choice((*4 * (None,), *SCHOOLS))
    return StudentRegistered(
        version=random.randint(1, 99),
        occurred_at=None,
        year=random.choice(YEARS),
        student_id=f"student-{random.randint(1, 14)}",
        gender=gender,
        edu_status=random.choice((1, 1, 1, 1, 0)),
        reg_center=random.choice(CENTERS),
        reg_status=random.choice((0, 0, 0, 0, 0, 1, 1, 3, 3, 2)),
        group_code=random.choice(GROUPS),
        school_code=school_code,
        student_type=random.choice((0, 1, 1)) if school_code else 0,
        sealed="",
    )


def mentor(random: Random, gender: int) -> MentorRegistered:
    """A mentor that is often known already; ids come in no order."""
    manager_centers = random.choice((None, None, None, some(random, CENTERS, 0), some(random, CENTERS, 2)))
    return MentorRegistered(
        version=random.randint(1, 99),
        occurred_at=None,
        mentor_id=random.randint(1, 9) * 50,
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


def some(random: Random, values: tuple[int, ...], least: int) -> list[int]:
    """At least `least` of `values`, sorted."""
    return sorted(random.sample(values, random.randint(least, len(values))))


PASSED_OVER: tuple[Fact, ...] = (
    ManagerRegistered(version=1, occurred_at=None, manager_id=1, is_active=True, centers=[1], sealed=""),
    SchoolRosterPublished(version=1, occurred_at=None, year=1404, school_codes=[101]),
)
