"""The map of allocation: each type of fact, and the module with all that is particular to it.

A fact asks for rows (`needs`), changes the state (`evolve`) and leads to decisions (`decide`), of which each changes the state
in turn.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from services.allocation.decide import (
    mentor_registered,
    student_erased,
    student_registered,
    student_withdrawn,
)
from services.allocation.decide.decisions import DECISIONS
from services.allocation.decide.message import FactType
from services.allocation.decide.state import Cause, Needs, PartitionState, Pool
from shared.contracts.decisions import Decision
from shared.contracts.facts import (
    Fact,
    MentorRegistered,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)

FACTS: Final[Mapping[type[Fact], FactType]] = {
    StudentRegistered: student_registered.FACT,
    StudentWithdrawnFact: student_withdrawn.FACT,
    StudentErased: student_erased.FACT,
    MentorRegistered: mentor_registered.FACT,
}
"""Those that change anything here."""
_EVOLVE: Final[Mapping[type, Callable[[Pool, Cause, Any], None]]] = {
    **{fact: kind.evolve for fact, kind in FACTS.items()},
    **DECISIONS,
}


def needs(state: PartitionState, causes: Sequence[Cause]) -> Needs:
    """The rows that must be in the working set before `causes` are handled."""
    wanted = Needs()
    for cause in causes:
        kind = FACTS.get(type(cause.fact))
        if kind is not None:
            kind.needs(state.pools.get(cause.tenant), cause.tenant, cause.fact, wanted)
    return wanted


def handle(state: PartitionState, cause: Cause) -> list[Decision]:
    """Applies a fact: evolves the state with it and with each decision it leads to, and returns these."""
    evolve(state, cause, cause.fact)
    decisions = []
    for decision in decide(state, cause):
        evolve(state, cause, decision)
        decisions.append(decision)
    return decisions


def decide(state: PartitionState, cause: Cause) -> Iterator[Decision]:
    """The decisions that a fact leads to, one at a time; the fact itself is in `state` already.

    Never writes to `state`: the caller evolves it with each decision before it asks for the next one, so that
    every choice sees those before it.
    """
    kind = FACTS.get(type(cause.fact))
    return iter(()) if kind is None else kind.decide(state.pool(cause.tenant), cause.fact)


def evolve(state: PartitionState, cause: Cause, event: Fact | Decision) -> None:
    """Takes `cause.fact` itself, or one of the decisions that it led to, into the state (in place)."""
    step = _EVOLVE.get(type(event))
    if step is not None:
        step(state.pool(cause.tenant), cause, event)
