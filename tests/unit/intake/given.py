"""Given a state, when a command comes: what decide's tests share."""

from services.intake.decide.commands import Command
from services.intake.decide.messages import decide, evolve
from services.intake.decide.outcomes import Accepted, NewFact, Outcome, Refused
from services.intake.decide.state import State
from services.intake.decide.student_registered import rederived
from shared.contracts.facts import Fact, MentorRegistered, StudentRegistered
from tests.unit.intake.examples import STUDENT_ID, empty_state

FEMALE, MALE = 0, 1


def given(*commands: Command) -> State:
    """The state after `commands`, each of which is accepted; all students are one person."""
    state = empty_state()
    for command in commands:
        assert carry_out(state, command)
    return state


def when(
    state: State, command: Command, fingerprint: bytes = b"same", student_id: str = STUDENT_ID
) -> Outcome:
    """What is decided; the state stays."""
    return decide(state, command, student_id=student_id, fingerprint=fingerprint)


def carry_out(
    state: State, command: Command, fingerprint: bytes = b"same", student_id: str = STUDENT_ID
) -> list[NewFact]:
    """All facts that a command leads to; the state has them. Students are rederived in the order of the state."""
    outcome = when(state, command, fingerprint, student_id)
    if not isinstance(outcome, Accepted):
        return []
    facts = list(outcome.facts)
    for added in facts:
        assert evolve(state, added) is state
    if outcome.rederives is not None:
        for known in list(state.students):
            added_later = rederived(state, known, outcome.rederives, command.occurred_at)
            if added_later is not None:
                facts.append(added_later)
                evolve(state, added_later)
    return facts


def new(outcome: Outcome) -> NewFact:
    """The only fact of an outcome."""
    assert isinstance(outcome, Accepted), outcome
    assert len(outcome.facts) == 1
    assert outcome.facts[0].subject == outcome.subject
    return outcome.facts[0]


def fact(outcome: Outcome, state: State | None = None) -> Fact:
    """The content of the only fact; `state`, if it is given, then has it."""
    added = new(outcome)
    if state is not None:
        assert evolve(state, added) is state
    return added.fact


def student_fact(outcome: Outcome) -> StudentRegistered:
    """The only fact, of a student."""
    found = fact(outcome)
    assert isinstance(found, StudentRegistered)
    return found


def mentor_fact(outcome: Outcome) -> MentorRegistered:
    """The only fact, of a mentor."""
    found = fact(outcome)
    assert isinstance(found, MentorRegistered)
    return found


def code(outcome: Outcome) -> str:
    """Pointers and codes of a refusal."""
    assert isinstance(outcome, Refused), outcome
    return " ".join(f"{error.pointer} {error.code}" for error in outcome.errors)
