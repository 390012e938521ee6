"""The simulation can fail: faults that are planted in the services are found within some hundred seeds."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import pytest

from services.allocation.append import writer as allocation
from services.audit.append import ledger as audit
from services.intake.append import batch
from shared.append.log import Gate
from shared.errors import Unapplicable
from shared.inbox.group_watch import GroupWatch
from shared.inbox.log_partition_consumer import LogPartitionConsumer
from shared.inbox.log_policy import LogPolicy
from shared.inbox.positions import QUERIES, Slice
from shared.inbox.topic_policy import Admitted
from shared.relay import foreign_watch, inspection
from shared.relay.diagnosis import Healthy
from tests.simulation.run import run_seed, silenced

MOST_SEEDS = 300

Patch = pytest.MonkeyPatch


def replace(patch: Patch, owner: Any, name: str, planted: Callable[..., Any]) -> None:
    """A call with arguments that the planted function does not take would stop the service: found, but not the fault."""
    parameters = [
        [(one.name, one.kind) for one in signature(function).parameters.values()]
        for function in (getattr(owner, name), planted)
    ]
    assert parameters[0] == parameters[1]
    patch.setattr(owner, name, planted)


async def move_whatever_stood_there(
    connection: Any, slices: Sequence[Slice[Any]], *, keep_hashes: bool = False
) -> None:
    """The positions without their comparison: who comes last wins."""
    for piece in slices:
        row = await connection.fetchrow(QUERIES["load_position"], piece.source, piece.partition)
        await connection.fetch(
            QUERIES["move_positions"], [piece.source], [piece.partition], [row["sequence"]],
            [piece.reached.sequence], [piece.reached.hash], [None], 0,
        )  # fmt: skip


def no_compare_and_set(patch: Patch) -> None:
    for module in (allocation, audit):
        replace(patch, module, "move_positions", move_whatever_stood_there)


def gate_always_open(patch: Patch) -> None:
    replace(patch, Gate, "require_open", lambda self: None)
    patch.setattr(Gate, "is_open", True)


def every_topic_is_healthy(patch: Patch) -> None:
    def diagnose(
        partition: int, extent: Any, log: Any, *, missing: int | None = None, read_highest: Any = None
    ) -> Healthy:
        return Healthy(log.standings[partition].head)

    replace(patch, inspection, "diagnose", diagnose)


def answers_are_forgotten(patch: Patch) -> None:
    async def nothing(connection: Any, keys: Any) -> dict[bytes, Any]:
        return {}

    replace(patch, batch, "load_answers", nothing)


def positions_of_inbound_stand_still(patch: Patch) -> None:
    async def nothing(connection: Any, slices: Any) -> None:
        """Repeats are duplicates, but a result without an id is refused again."""

    replace(patch, batch, "move_inbound", nothing)


def repeats_are_not_compared(patch: Patch) -> None:
    async def compare(self: Any, partition_consumer: Any, admitted: Any) -> Any:
        return admitted

    replace(patch, LogPolicy, "compare", compare)


def garbage_is_passed_over(patch: Patch) -> None:
    admit_all = LogPartitionConsumer.admit

    def readable(partition_consumer: Any, record: Any) -> bool:
        try:
            partition_consumer._open(record, partition_consumer.applied + 1)
        except Unapplicable:
            return False
        return True

    def admit(self: Any, records: Any, end: Any) -> Any:
        events = [record for record in records if readable(self, record)]
        return admit_all(self, events, end) if events else Admitted(None, None)

    replace(patch, LogPartitionConsumer, "admit", admit)


def no_record_is_foreign(patch: Patch) -> None:
    replace(patch, foreign_watch, "foreign_of", lambda records, hashes: [])


def foreign_members_are_not_reported(patch: Patch) -> None:
    patch.setattr(GroupWatch, "troubles", lambda self: [])


@pytest.mark.parametrize(
    "plant",
    [
        no_compare_and_set,
        gate_always_open,
        every_topic_is_healthy,
        answers_are_forgotten,
        positions_of_inbound_stand_still,
        repeats_are_not_compared,
        garbage_is_passed_over,
        no_record_is_foreign,
        foreign_members_are_not_reported,
    ],
)
def test_a_planted_fault_is_found(plant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    plant(monkeypatch)
    with silenced():
        for seed in range(1, MOST_SEEDS + 1):
            if run_seed(seed).failures:
                return
    pytest.fail(f"{MOST_SEEDS} seeds have not found it")
