"""Who waits stays in memory, perhaps for months: what that costs, and that it changes nothing."""

import gc
import tracemalloc
from collections.abc import Iterator

import msgspec
import pytest

from services.allocation.decide import Cause, Enrolment, PartitionState, Pool, handle
from shared.contracts.facts import StudentRegistered, decode_fact
from tests.unit.allocation.given import TENANT, Given, a_mentor, a_student, an_enrolment

STUDENTS = 5_000
BYTES_EACH = 450
REGISTERED = "rahnama.intake.student.registered.v1"
_encode = msgspec.json.Encoder().encode


def fresh(text: str) -> str:
    """An equal string that is another object, as every record and every row brings its own."""
    return text.encode().decode()


def a_cause(number: int) -> Cause:
    """Of a student whom nobody may take, as the inbox reads it."""
    student = a_student(
        f"01890000-0000-7000-8000-{number:012d}",
        reg_center=1_000 + number % 40,
        group_code=1_000 + number % 20,
    )
    time = f"2026-01-01T00:00:{number // 1_000:02d}.000000Z"
    return Cause(fresh(TENANT), 10_000 + number, time, decode_fact(REGISTERED, _encode(student)))


def a_row(cause: Cause) -> Enrolment:
    """The same student as it is read from the database."""
    fact = decode_fact(REGISTERED, _encode(cause.fact))
    assert isinstance(fact, StudentRegistered)
    return an_enrolment(
        fact,
        tenant=fresh(TENANT),
        arrival=cause.sequence,
        reason=fresh("GROUP_ALLOWED"),
        decided_at=fresh(cause.time),
        policy=fresh("default"),
    )


@pytest.fixture
def traced() -> Iterator[None]:
    """Counts the bytes of what is made from now on."""
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


def bytes_each() -> float:
    """Of the students that have come since."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / STUDENTS


@pytest.mark.usefixtures("traced")
def test_a_student_that_waits_since_its_fact_came_costs_little() -> None:
    state = PartitionState(0)
    for number in range(STUDENTS):
        handle(state, a_cause(number))
        if number % 1_000 == 999:
            state.forget()
    assert len(state.pool(TENANT).waitlist) == STUDENTS
    assert bytes_each() <= BYTES_EACH


@pytest.mark.usefixtures("traced")
def test_a_student_that_waits_since_before_the_start_costs_little() -> None:
    rows = (a_row(a_cause(number)) for number in range(STUDENTS))
    pool = Pool.restore(TENANT, 0, mentors=[], loads=[], years=[], waiting=rows)
    assert len(pool.waitlist) == STUDENTS
    assert bytes_each() <= BYTES_EACH


def test_who_goes_on_waiting_says_the_same_after_the_batch() -> None:
    given = Given(a_mentor(1), a_student("s", group_code=3, reg_center=7, school_code=900))
    before = msgspec.structs.asdict(given.enrolment("s"))
    given.state.forget()
    assert msgspec.structs.asdict(given.enrolment("s")) == before | {"stored": True}


def test_who_waits_is_counted_whether_or_not_a_mentor_could_ever_come() -> None:
    given = Given(a_student("s"), a_student("never", reg_status=2))
    waitlist = given.state.pool(TENANT).waitlist
    assert len(waitlist) == 2
    given.when(a_mentor(1))
    assert len(waitlist) == 1
