"""Everything in a state that can change a decision, without what is empty: two states with one picture decide alike."""

from typing import Any

import msgspec

from services.allocation.decide import PartitionState, Pool


def picture(state: PartitionState) -> dict[str, Any]:
    """By tenant."""
    return {
        tenant: {
            "policy": pool.policy,
            "mentors": pool.mentors,
            "loads": {key: load for key, load in all_loads(pool).items() if load},
            "last_counters": {year: last for year, last in pool.last_counters.items() if last},
            "last_chosen": pool.last_chosen,
            "enrolments": {
                (year, student_id): msgspec.structs.replace(student, stored=True)
                for year, students in pool.enrolments.items()
                for student_id, student in students.items()
            },
            "waitlist": waitlist_picture(pool),
            "index": index_picture(pool),
        }
        for tenant, pool in state.pools.items()
        if pool.mentors or any(pool.enrolments.values())
    }


def all_loads(pool: Pool) -> dict[tuple[int, int], int]:
    """By (year, mentor_id)."""
    return {(year, mentor_id): n for year, loads in pool.loads.items() for mentor_id, n in loads.items()}


def waitlist_picture(pool: Pool) -> dict[str, Any]:
    """Who waits, and whom each mentor could take of them."""
    return {
        "students": len(pool.waitlist),
        "queues": {
            (year, mentor_id): sorted([student.arrival for student in queue] for queue in queues)
            for year in pool.loads
            for mentor_id, mentor in pool.mentors.items()
            if (queues := pool.waitlist.queues_of(mentor, year))
        },
    }


def index_picture(pool: Pool) -> dict[str, Any]:
    """The bitsets and the levels."""

    def without_empty(bitsets: dict[Any, int]) -> dict[Any, int]:
        return {key: bits for key, bits in bitsets.items() if bits}

    index, masks = pool.index, pool.index.masks
    return {
        "ids": index.ids,
        "bitsets": [
            without_empty(table) for table in (masks._groups, masks._centers, masks._gates, masks._schools)
        ],
        "kinds": (masks.everyone, masks.normal, masks.without_manager),
        "years": {
            year: (list(occupancy.levels), occupancy.available)
            for year, occupancy in index.years.items()
            if any(pool.loads[year].values())
        },
    }
