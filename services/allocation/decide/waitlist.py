"""Those who wait for a mentor, so that a place finds its next student without looking at everyone."""

from bisect import bisect_left, insort

from services.allocation.decide.enrolment import Enrolment, Traits
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.policy import Policy
from services.allocation.decide.rules import GRADUATE, SCHOOL_STUDENT

Queue = list[int]
"""The arrivals of students whom the same mentors may take, first come first."""

NORMAL = None
"""In place of a school code: the queues of normal students."""


class Waitlist:
    """Students by arrival, and in a queue for each (year, school or normal, (group, centre)).

    Who can never be taken, whatever mentors come, waits in no queue.
    """

    def __init__(self, policy: Policy) -> None:
        self._reg_status = policy.reg_status
        self.by_arrival: dict[int, Enrolment] = {}
        self._queues: dict[int, dict[int | None, dict[tuple[int, int], Queue]]] = {}

    def add(self, student: Enrolment) -> None:
        """Puts a student at the place of its arrival."""
        self.by_arrival[student.arrival] = student
        if self._can_be_taken(student.traits):
            schools = self._queues.setdefault(student.year, {})
            seats = schools.setdefault(_school(student.traits), {})
            traits = student.traits
            insort(seats.setdefault((traits.group_code, traits.reg_center), []), student.arrival)

    def remove(self, student: Enrolment) -> None:
        """Takes a student out; its attributes must be those with which it was added."""
        del self.by_arrival[student.arrival]
        if self._can_be_taken(student.traits):
            seats = self._queues[student.year][_school(student.traits)]
            traits = student.traits
            seat = (traits.group_code, traits.reg_center)
            queue = seats[seat]
            del queue[bisect_left(queue, student.arrival)]
            if not queue:
                del seats[seat]

    def queues_of(self, mentor: Mentor, year: int) -> list[Queue]:
        """The queues of that year whose students the mentor may take. They empty as students leave."""
        schools = self._queues.get(year)
        if not schools:
            return []
        groups, reach = mentor.groups, mentor.reach
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
