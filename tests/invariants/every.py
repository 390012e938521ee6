"""All invariants by their numbers, and what of them does not hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.invariants.answers import (
    i4_every_event_has_one_outcome,
    i5_what_was_answered_accepted_is_in_the_log,
)
from tests.invariants.assignments import (
    i1_one_assignment_per_student_and_year,
    i2_loads_are_counts_within_capacity_and_rules,
    i3_counters_unique_and_dense,
)
from tests.invariants.chains import i6_chained_and_the_same_everywhere
from tests.invariants.evidence import Evidence
from tests.invariants.order import i8_order_per_subject_kept
from tests.invariants.personal import i9_personal_data_only_where_it_belongs
from tests.invariants.replay import i7_projections_equal_a_fresh_replay

INVARIANTS: Final[Mapping[str, Callable[[Evidence], None]]] = {
    "I1": i1_one_assignment_per_student_and_year,
    "I2": i2_loads_are_counts_within_capacity_and_rules,
    "I3": i3_counters_unique_and_dense,
    "I4": i4_every_event_has_one_outcome,
    "I5": i5_what_was_answered_accepted_is_in_the_log,
    "I6": i6_chained_and_the_same_everywhere,
    "I7": i7_projections_equal_a_fresh_replay,
    "I8": i8_order_per_subject_kept,
    "I9": i9_personal_data_only_where_it_belongs,
}


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold, and the first place where."""

    invariant: str
    finding: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.finding}"


def violations(evidence: Evidence) -> list[Violation]:
    """Every invariant that does not hold. Evidence that cannot be judged at all is a violation too."""
    found = []
    for name, invariant in INVARIANTS.items():
        try:
            invariant(evidence)
        except AssertionError as error:
            found.append(Violation(name, str(error)))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            found.append(Violation(name, f"cannot be judged: {error!r}"))
    return found


def everything_holds(evidence: Evidence) -> None:
    """Raises `AssertionError` with all that does not."""
    found = violations(evidence)
    assert not found, "\n".join(str(violation) for violation in found)
