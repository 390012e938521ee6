"""The engines by number. A policy selects one, and a decision names the one that made it. There is one policy yet.

A change of the rules, of their order or of the choice among the eligible is a new engine with a number of its own: it
is added here, and those before it stay.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from services.allocation.decide import rules
from services.allocation.decide.mentor_index import Choice, choose
from services.allocation.decide.policy import Policy
from services.allocation.decide.rules import Rule

if TYPE_CHECKING:
    from services.allocation.decide.enrolment import Enrolment
    from services.allocation.decide.state import Pool


class Engine(NamedTuple):
    """`rules` in their order, and who of the eligible is taken."""

    rules: Sequence[Rule]
    choose: "Callable[[Pool, Enrolment], Choice]"


ENGINES: Final[Mapping[int, Engine]] = {1: Engine(rules.RULES, choose)}


def engine_of(policy: Policy) -> Engine:
    """The engine of a policy. Raises `ValueError` for a number that this release does not have."""
    engine = ENGINES.get(policy.engine)
    if engine is None:
        raise ValueError(f"policy {policy.version} is for engine {policy.engine}, of {sorted(ENGINES)}")
    return engine
