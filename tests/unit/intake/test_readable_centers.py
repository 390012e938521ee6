"""Whose centre's operators see a refused event: the centres that it names, as far as they can be read."""

import pytest

from services.intake.decide.readable_centers import readable_centers


@pytest.mark.parametrize(
    ("data", "centers"),
    [
        ({"reg_center": 1}, (1,)),
        ({"reg_center": "۲"}, (2,)),
        ({"reg_center": 0}, (0,)),
        ({"reg_center": True}, ()),
        ({"reg_center": -1}, ()),
        ({"reg_center": 2**31}, ()),
        ({"reg_center": None}, ()),
        ({"centers": [2, "1", "x", None, 2.5, 2]}, (1, 2)),
        ({"centers": "1"}, ()),
        ({"centers": [[1]]}, ()),
        ({"centers": list(range(2_000))}, tuple(range(1_000))),
        ({"reg_center": 3, "centers": [1]}, (1, 3)),
        ({}, ()),
        (None, ()),
        ([1], ()),
        ("reg_center", ()),
    ],
)
def test_what_can_be_read_is_read(data: object, centers: tuple[int, ...]) -> None:
    assert readable_centers(data) == centers
