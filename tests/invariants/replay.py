"""I7: decisions and read models are a function of the facts. They are computed again from nothing, and compared.

The naive oracle decides (`tests/oracle`), which shares no code with the product's decider. Partitions with more facts
than it can decide in a moment are decided by the product's own `decide` instead: undisturbed, in one run, from
nothing, so that what is judged there is that running it under faults made no difference.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from shared.contracts.envelope import decode
from shared.contracts.facts import decode_fact
from tests.invariants.columns import require_rows
from tests.invariants.decided import Decided, Partition, by_the_naive_oracle, by_the_product
from tests.invariants.derived import intake_rows, ledger_rows
from tests.invariants.evidence import Event, Evidence, History, told

NAIVE_FACTS: Final = 400
"""The naive oracle takes time with the cube of a partition's facts; so many take it about a second."""


def i7_projections_equal_a_fresh_replay(evidence: Evidence) -> None:
    """I7: the decisions, byte for byte, and every column of every read model are what a replay of the facts makes."""
    assert any(fact.kind == "student.registered" for fact in told(evidence).all_facts), (
        "the evidence has no student: nothing can be judged by it"
    )
    replayed = replay(evidence)
    for partition in sorted({*evidence.decisions.log, *replayed.decisions}):
        _require_decisions(evidence.decisions, partition, replayed.decisions.get(partition, []))
    for table, rows in replayed.tables.items():
        require_rows("allocation", table, rows, evidence.allocation[table])
    for table, rows in intake_rows(evidence).items():
        require_rows("intake", table, rows, evidence.intake[table])
    require_rows("audit", "ledger", ledger_rows(evidence), evidence.audit["ledger"])


def replay(evidence: Evidence, *, naive_facts: int = NAIVE_FACTS) -> Decided:
    """All partitions of the facts, each decided from nothing."""
    decided = Decided()
    for partition, facts in told(evidence).facts.items():
        values = [kept.value for kept in evidence.facts.log[partition]]
        made = Partition(partition, facts, list(_facts(facts, values)))
        decide = by_the_naive_oracle if len(facts) <= naive_facts else by_the_product
        decide(decided, made)
    return decided


def _facts(events: Sequence[Event], values: Sequence[bytes]) -> Iterable[Any]:
    """A version that this release does not know is read as the first one: it is made by tests, and equal to it."""
    for event, value in zip(events, values, strict=True):
        yield decode_fact(f"rahnama.intake.{event.kind}.v1", decode(value).data)


def _require_decisions(
    history: History, partition: int, replayed: Sequence[tuple[str, str, str, str, bytes]]
) -> None:
    kept = history.log.get(partition, ())
    for place, (row, expected) in enumerate(zip(kept, replayed, strict=False), 1):
        event = decode(row.value)
        found = (event.type, event.subject, event.causationid, event.time, bytes(event.data))
        assert found == expected, (
            f"decision {place} of partition {partition} is {found}; a replay decides {expected}"
        )
    assert len(kept) == len(replayed), (
        f"partition {partition} has {len(kept)} decisions; a replay makes {len(replayed)}"
    )
