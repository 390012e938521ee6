"""What a real system leaves behind is evidence that can be judged, and that holds."""

from typing import Final

from tests.e2e.people import event, mentor, student
from tests.e2e.upstream import Upstream
from tests.invariants.every import everything_holds
from tests.invariants.evidence import TABLES

GROUP: Final = 35


async def test_a_real_system_holds_and_has_every_table_that_is_judged(
    upstream: Upstream,
) -> None:
    """With assignments, releases, students who wait, and something refused."""
    places = {"capacity": 2, "groups": [GROUP]}
    await upstream.post(
        [
            *(event("mentor.registered", f"valid {n}", mentor(3500 + n, **places)) for n in (1, 2)),
            *(
                event("student.registered", f"valid {n}", student(350_000_000 + n, group_code=GROUP))
                for n in range(3, 9)
            ),
            event("mentor.registered", "valid no more", mentor(3501, **places, active=False)),
            event("student.registered", "dishonest", student(350_000_009, reg_center=9)),
        ]
    )
    await upstream.settle()
    evidence = await upstream.evidence()
    everything_holds(evidence)
    for service, tables in TABLES.items():
        assert set(tables) <= getattr(evidence, service).keys()
    assert {row["status"] for row in evidence.allocation["enrolments"]} == {"assigned", "waitlisted"}
