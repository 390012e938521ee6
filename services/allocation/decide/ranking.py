"""Engine 1: the first of the eligible in the order of the policy's strategy of fairness."""

from typing import TYPE_CHECKING, Final

import msgspec

from services.allocation.decide.enrolment import Enrolment
from shared.contracts.decisions import Candidate

if TYPE_CHECKING:
    from services.allocation.decide.pool import Pool

NEXT_BEST: Final = 3


class Choice(msgspec.Struct, frozen=True, gc=False):
    """The eligible mentors, best first, at most four of them; `candidates` counts them all."""

    ranked: list[Candidate]
    candidates: int


def choose(pool: "Pool", student: Enrolment) -> Choice:
    """Who may take the student now; nobody, when `ranked` is empty."""
    index = pool.index
    eligible = index.eligible(student)
    if not eligible:
        return Choice([], 0)
    year = student.year
    mentors, loads, ids = pool.mentors, pool.loads[year], index.ids
    ranked = []
    for slot in index.years[year].best(eligible, 1 + NEXT_BEST):
        mentor_id = ids[slot]
        ranked.append(Candidate(mentor_id, loads.get(mentor_id, 0), mentors[mentor_id].capacity))
    return Choice(ranked, eligible.bit_count())
