"""The summary's occupancy: what is taken, and what of it is beyond its mentor's capacity."""

from typing import Any, cast

import pytest

from services.allocation.query.summary import occupancy


def of(*loads: tuple[int, int]) -> dict[str, Any]:
    """Mentors by (load, capacity)."""
    return occupancy(cast(Any, [{"load": load, "capacity": capacity} for load, capacity in loads]))


@pytest.mark.parametrize(
    ("loads", "places", "taken", "over"),
    [
        ([], 0, 0, 0),
        ([(2, 4)], 4, 2, 0),
        ([(4, 4)], 4, 4, 0),
        ([(5, 2), (1, 4)], 6, 6, 3),
        ([(3, 0)], 0, 3, 3),
    ],
)
def test_taken_and_over_capacity_are_both_shown(
    loads: list[tuple[int, int]], places: int, taken: int, over: int
) -> None:
    found = of(*loads)
    assert (found["places"], found["taken"], found["over_capacity"]) == (places, taken, over)


def test_a_mentor_without_capacity_counts_in_no_share() -> None:
    found = of((3, 0), (1, 2))
    assert (found["mentors"], found["min"], found["max"], found["mean"]) == (1, 0.5, 0.5, 0.5)
