"""Facts in, decisions out."""

from collections.abc import Iterator

from services.allocation.decide.state import Cause, PartitionState
from shared.contracts.decisions import Decision


def handle(state: PartitionState, cause: Cause) -> list[Decision]:
    """Applies a fact: `evolve`s the state with it and with each decision it leads to, and returns these."""
    raise NotImplementedError


def decide(state: PartitionState, cause: Cause) -> Iterator[Decision]:
    """The decisions that a fact leads to, one at a time; the fact itself is in `state` already.

    Never writes to `state`: the caller evolves it with each decision before it asks for the next one.
    """
    raise NotImplementedError
