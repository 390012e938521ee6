"""The demo's cohort as a load of several tenants, and the facts that the engine's benchmark makes of it."""

import json
from collections import Counter
from typing import Any

from services.allocation.decide import Cause, PartitionState, handle
from shared.contracts.decisions import StudentAssigned
from shared.contracts.facts import MentorRegistered, StudentRegistered
from shared.contracts.partitions import pool_partition
from tests.tools.bench.cases.engine import pool_facts
from tests.tools.bench.cases.tracing import ONE_PERCENT, sampled_every
from tests.tools.bench.cohorts import CALIBRATION_TENANTS, TENANTS, Piece, in_turn, make_load
from tests.tools.bench.plots import MOST_POINTS, thinned


def events_of(pieces: list[Piece]) -> list[dict[str, Any]]:
    return [event for piece in pieces for event in json.loads(piece.body)]


def test_a_load_has_so_many_different_students_shared_out_evenly() -> None:
    load = make_load(602)
    events = events_of([*load.pieces])
    students = {
        (event["source"], event["data"]["national_id"]) for event in events if "-student-" in event["id"]
    }
    assert len(students) == load.students == 602
    assert sorted(Counter(source for source, _ in students).values()) == [100, 100, 100, 100, 101, 101]
    assert len(events) == load.events == sum(piece.events for piece in load.pieces)


def test_each_event_goes_with_the_token_of_its_source() -> None:
    load = make_load(60)
    for piece in (*load.reference, *load.pieces):
        assert {TENANTS[event["source"]] for event in json.loads(piece.body)} == {piece.tenant}


def test_loads_of_different_seeds_have_no_event_id_in_common() -> None:
    first, second = (
        {(event["source"], event["id"]) for event in events_of([*load.reference, *load.pieces])}
        for load in (make_load(60, seed=1), make_load(60, seed=2))
    )
    assert not first & second


def test_the_pools_of_the_tenants_lie_in_twelve_different_partitions() -> None:
    for tenants in (TENANTS, CALIBRATION_TENANTS):
        pools = {pool_partition(tenant, gender, 12) for tenant in tenants.values() for gender in (0, 1)}
        assert pools == set(range(12))


def test_pieces_are_taken_in_turn() -> None:
    a, b, c = (Piece(name, b"", 1) for name in "abc")
    assert in_turn([[a, a], [b], [c, c]]) == [a, b, c, a, c]


def test_a_sampled_context_comes_with_every_hundredth_student() -> None:
    mark = sampled_every(ONE_PERCENT)
    marked = [mark(number, {"id": str(number)}) for number in range(250)]
    assert [event["id"] for event in marked if "traceparent" in event] == ["0", "100", "200"]


def test_the_engine_is_measured_on_mentors_first_and_then_on_students_whom_most_of_them_can_take() -> None:
    facts = pool_facts(60, 300)
    assert [type(fact) for fact in facts] == [MentorRegistered] * 60 + [StudentRegistered] * 300
    state = PartitionState(0)
    decisions = [
        decision
        for sequence, fact in enumerate(facts, 1)
        for decision in handle(state, Cause("default", sequence, "", fact))
    ]
    assert sum(isinstance(decision, StudentAssigned) for decision in decisions) > 200


def test_a_thinned_line_keeps_its_peaks() -> None:
    line = [(float(at), 1000.0 if at == 777 else 1.0) for at in range(5 * MOST_POINTS)]
    thin = thinned(line)
    assert len(thin) <= MOST_POINTS
    assert (777.0, 1000.0) in thin
