"""Random histories of a partition: small worlds, in which ties, full mentors and returning students abound."""

from typing import Any

from hypothesis import strategies as st

from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentRegistered,
)

TENANTS = ("default", "north")
YEARS = (1403, 1404)
GROUPS = (1, 3, 5)
CENTERS = (0, 1, 2)
SCHOOLS = (101, 102)


@st.composite
def students(draw: st.DrawFn, gender: int) -> StudentRegistered:
    """A student that is often known already, mostly with common attributes."""
    school_code = draw(st.sampled_from((None, None, None, *SCHOOLS)))
    return StudentRegistered(
        version=draw(st.integers(1, 99)),
        occurred_at=None,
        year=draw(st.sampled_from(YEARS)),
        student_id=f"student-{draw(st.integers(1, 12))}",
        gender=gender,
        edu_status=draw(st.sampled_from((1, 1, 1, 0))),
        reg_center=draw(st.sampled_from(CENTERS)),
        reg_status=draw(st.sampled_from((0, 0, 1, 3, 2))),
        group_code=draw(st.sampled_from(GROUPS)),
        school_code=school_code,
        student_type=draw(st.sampled_from((0, 1, 1))) if school_code else 0,
        sealed="",
    )


def some(values: tuple[int, ...], least: int = 1) -> st.SearchStrategy[list[int]]:
    """A sorted set of `values`."""
    return st.sets(st.sampled_from(values), min_size=least).map(sorted)


@st.composite
def mentors(draw: st.DrawFn, gender: int) -> MentorRegistered:
    """A mentor that is often known already; ids come in no order."""
    manager_centers = draw(st.one_of(st.none(), some(CENTERS, 0)))
    return MentorRegistered(
        version=draw(st.integers(1, 99)),
        occurred_at=None,
        mentor_id=draw(st.integers(1, 7)) * 50,
        gender=gender,
        type=draw(st.sampled_from(("normal", "normal", "normal", "school"))),
        capacity=draw(st.integers(0, 4)),
        active=draw(st.sampled_from((True, True, True, False))),
        alias_code=None,
        manager_id=None if manager_centers is None else 1,
        manager_centers=manager_centers,
        groups=draw(some(GROUPS)),
        centers=draw(some(CENTERS)),
        schools=draw(some(SCHOOLS)),
        sealed="",
    )


PASSED_OVER: tuple[Fact, ...] = (
    ManagerRegistered(version=1, occurred_at=None, manager_id=1, is_active=True, centers=[1], sealed=""),
    SchoolRosterPublished(version=1, occurred_at=None, year=1404, school_codes=[101]),
)


def facts(gender: int) -> st.SearchStrategy[Fact]:
    """Every input of a partition."""
    often: Any = students(gender)
    return st.one_of(often, often, mentors(gender), st.sampled_from(PASSED_OVER))


def histories(gender: int, most: int = 40) -> st.SearchStrategy[list[tuple[str, Fact]]]:
    """(tenant, fact) pairs in the order of a partition's log."""
    tenants = st.sampled_from((TENANTS[0], TENANTS[0], TENANTS[0], TENANTS[1]))
    return st.lists(st.tuples(tenants, facts(gender)), min_size=1, max_size=most)
