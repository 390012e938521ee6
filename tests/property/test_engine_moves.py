"""Students that are withdrawn, registered again, and moved between the two pools of a tenant, there and back."""

from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.allocation.decide import Cause, Enrolment, handle
from shared.contracts.decisions import StudentAssigned
from tests.oracle.intake_model import World
from tests.oracle.partition import NaivePartition, as_bytes
from tests.oracle.tables import Tables

NUMBERS = st.integers(0, 2**32)


class TwoPools(RuleBasedStateMachine):
    """Intake's facts of both pools, decided batch by batch by the indexed engine and one by one by the naive one."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.tables = {gender: Tables(gender) for gender in (0, 1)}
        self.states = {gender: tables.restore() for gender, tables in self.tables.items()}
        self.oracles = {gender: NaivePartition(gender) for gender in (0, 1)}
        self.decided: dict[int, list[bytes]] = {0: [], 1: []}
        self.counters: dict[tuple[int, str], str] = {}

    @rule(number=NUMBERS)
    def a_mentor_comes(self, number: int) -> None:
        self.world.mentor_comes(Random(number))

    @rule(number=NUMBERS)
    def a_manager_changes(self, number: int) -> None:
        self.world.manager_changes(Random(number))

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=5))
    def students_come(self, numbers: list[int]) -> None:
        for number in numbers:
            self.world.student_comes(Random(number))

    @rule(number=NUMBERS)
    def a_student_is_withdrawn(self, number: int) -> None:
        self.world.student_is_withdrawn(Random(number))

    @rule(number=NUMBERS)
    def a_student_moves(self, number: int) -> None:
        self.world.student_moves(Random(number))

    @rule(gender=st.sampled_from((0, 1)), most=st.integers(1, 30))
    def a_batch_is_decided(self, gender: int, most: int) -> None:
        batch = self._waiting(gender)[:most]
        state, oracle = self.states[gender], self.oracles[gender]
        for cause, decisions in zip(batch, self.tables[gender].handle_batch(state, batch), strict=True):
            assert as_bytes(decisions) == as_bytes(oracle.handle(cause)), cause
            self.decided[gender].append(as_bytes(decisions))
            for decision in decisions:
                if isinstance(decision, StudentAssigned) and decision.counter is not None:
                    owner = gender, decision.student_id
                    assert self.counters.setdefault(owner, decision.counter) == decision.counter
        state.forget()

    @rule(gender=st.sampled_from((0, 1)))
    def a_service_restarts(self, gender: int) -> None:
        self.states[gender] = self.tables[gender].restore()

    @invariant()
    def no_student_is_active_in_two_pools_of_which_one_is_not_behind(self) -> None:
        if any(self._waiting(gender) for gender in (0, 1)):
            return
        newest = self._newest()
        for key, (gender, row) in newest.items():
            live = self.world.enrolled.get(key)
            assert (row.status != "withdrawn") == (live is not None)
            assert live is None or (gender, row.version) == (live.gender, live.version)
            other = self.tables[1 - gender].students.get(("default", *key))
            assert other is None or other.status == "withdrawn"
        assert set(self.world.enrolled) <= set(newest)

    @invariant()
    def loads_are_those_of_the_assigned(self) -> None:
        for tables in self.tables.values():
            assigned: dict[tuple[str, int, int], int] = {}
            for (tenant, year, _), row in tables.students.items():
                if row.mentor_id is not None:
                    assert row.status == "assigned"
                    key = tenant, year, row.mentor_id
                    assigned[key] = assigned.get(key, 0) + 1
            assert {key: load for key, load in tables.loads.items() if load} == assigned

    @invariant()
    def counters_belong_to_one_student_of_a_pool_for_life(self) -> None:
        assert len(set(self.counters.values())) == len(self.counters)
        for gender, tables in self.tables.items():
            for row in tables.students.values():
                assert row.counter == self.counters.get((gender, row.student_id))

    def teardown(self) -> None:
        """What is left is decided; and a replay from nothing, in one piece, decides the same bytes."""
        for gender in (0, 1):
            self.a_batch_is_decided(gender, len(self.world.facts[gender]))
        self.no_student_is_active_in_two_pools_of_which_one_is_not_behind()
        self.loads_are_those_of_the_assigned()
        self.counters_belong_to_one_student_of_a_pool_for_life()
        for gender, decided in self.decided.items():
            state = Tables(gender).restore()
            replayed = [as_bytes(handle(state, cause)) for cause in self._causes(gender)[: len(decided)]]
            assert replayed == decided

    def _causes(self, gender: int) -> list[Cause]:
        return [
            Cause("default", sequence, f"2026-01-01T00:00:{sequence:09.6f}Z", fact)
            for sequence, fact in enumerate(self.world.facts[gender], 1)
        ]

    def _waiting(self, gender: int) -> list[Cause]:
        return self._causes(gender)[len(self.decided[gender]) :]

    def _newest(self) -> dict[tuple[int, str], tuple[int, Enrolment]]:
        """Of each (year, student) the row with the highest version of both pools, as a read shows it."""
        newest: dict[tuple[int, str], tuple[int, Enrolment]] = {}
        for gender, tables in self.tables.items():
            for (_, year, student_id), row in tables.students.items():
                known: Any = newest.get((year, student_id))
                if known is None or known[1].version < row.version:
                    newest[year, student_id] = gender, row
        return newest


TestTwoPools = TwoPools.TestCase
TestTwoPools.settings = settings(max_examples=60, stateful_step_count=50)
