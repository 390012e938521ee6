"""Those who wait for a mentor, so that a place finds its next student without looking at everyone."""

from bisect import bisect_left, insort
from operator import attrgetter

from services.allocation.decide.enrolment import Enrolment, Traits
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.policy import Policy
from services.allocation.decide.rules import GRADUATE, SCHOOL_STUDENT

Queue = list[Enrolment]
"""Students whom the same mentors may take, first come first."""

NORMAL = None
"""In place of a school code: the queues of normal students."""

_arrival = attrgetter("arrival")


class Waitlist:
    """Students in a queue for each (year, school or normal, (group, centre)); `len` counts them.

    Who can never be taken, whatever mentors come, waits in no queue.
    """

    def __init__(self, policy: Policy) -> None:
        self._reg_status = policy.reg_status
        self._students = 0
        self._queues: dict[int, dict[int | None, dict[tuple[int, int], Queue]]] = {}

    def __len__(self) -> int:
        return self._students

    def add(self, student: Enrolment) -> None:
        """Puts a student at the place of its arrival."""
        self._students += 1
        traits = student.traits
        if self._can_be_taken(traits):
            seats = self._queues.setdefault(student.year, {}).setdefault(_school(traits), {})
            insort(seats.setdefault(_seat(traits), []), student, key=_arrival)

    def remove(self, student: Enrolment) -> None:
        """Takes a student out; its attributes must be those with which it was added."""
        self._students -= 1
        traits = student.traits
        if self._can_be_taken(traits):
            seats = self._queues[student.year][_school(traits)]
            queue = seats[_seat(traits)]
            del queue[bisect_left(queue, student.arrival, key=_arrival)]
            if not queue:
                del seats[_seat(traits)]

    def queues_of(self, mentor: Mentor, year: int) -> list[Queue]:
        """The queues of that year whose students the mentor may take. They empty as students leave."""
        schools = self._queues.get(year)
        if not schools:
            return []
        groups, reach = set(mentor.groups), set(mentor.reach)
        kinds = mentor.schools if mentor.type == "school" else (NORMAL,)
        return [
            queue
            for kind in kinds
            for (group_code, reg_center), queue in schools.get(kind, {}).items()
            if group_code in groups and reg_center in reach
        ]

    def _can_be_taken(self, traits: Traits) -> bool:
        if traits.reg_status not in self._reg_status:
            return False
        if traits.student_type != SCHOOL_STUDENT:
            return True
        return traits.school_code is not None and traits.edu_status != GRADUATE


def _school(traits: Traits) -> int | None:
    return traits.school_code if traits.student_type == SCHOOL_STUDENT else NORMAL


def _seat(traits: Traits) -> tuple[int, int]:
    return traits.group_code, traits.reg_center
