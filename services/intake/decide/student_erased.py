"""`rahnama.intake.student.erased.v1`: a fact that no event asks for (see `append/erasure.py`)."""

from typing import Final

from services.intake.decide.message import FactType
from services.intake.decide.state import State
from shared.contracts.facts import StudentErased


def evolve(state: State, fact: StudentErased, _fingerprint: bytes) -> None:
    """Nobody is known by this pseudonym any more."""
    state.students.pop(fact.student_id, None)


FACT: Final = FactType(evolve)
