"""The simulation can fail: faults that are planted in the services are found within some hundred seeds."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from services.allocation.append import writer as allocation
from services.audit.append import ledger as audit
from services.intake.append import inbound
from shared.append.gate import Gate
from shared.inbox.log_lane import LogLane
from shared.inbox.positions import QUERIES
from shared.inbox.records import Slice
from shared.relay import inspection
from shared.relay.look import Healthy
from shared.relay.partition import Partition
from tests.simulation.run import run_seed, silence

MOST_SEEDS = 300

Patch = pytest.MonkeyPatch


async def move_whatever_stood_there(connection: Any, slices: Sequence[Slice[Any]]) -> None:
    """The positions without their comparison: who comes last wins."""
    for piece in slices:
        row = await connection.fetchrow(QUERIES["load_position"], piece.source, piece.partition)
        await connection.fetch(
            QUERIES["move_positions"], [piece.source], [piece.partition], [row["sequence"]],
            [piece.reached.sequence], [piece.reached.hash],
        )  # fmt: skip


def no_compare_and_set(patch: Patch) -> None:
    for module in (allocation, audit):
        patch.setattr(module, "move_positions", move_whatever_stood_there)


def gate_always_open(patch: Patch) -> None:
    patch.setattr(Gate, "require_open", lambda self: None)
    patch.setattr(Gate, "is_open", True)


def gaps_are_passed_over(patch: Patch) -> None:
    patch.setattr(LogLane, "_beyond", lambda self, last, sequence, offset: None)


def every_topic_is_healthy(patch: Patch) -> None:
    def judge(number: int, extent: Any, log: Any) -> Healthy:
        return Healthy(log.standings[number].head)

    patch.setattr(inspection, "judge", judge)


def published_before_acknowledged(patch: Patch) -> None:
    real = Partition._publish_next

    async def publish(self: Partition, producer: Any, position: int) -> None:
        try:
            await real(self, producer, position)
        finally:
            self.position = self.published = self.head

    patch.setattr(Partition, "_publish_next", publish)


def inbound_moves_without_comparison(patch: Patch) -> None:
    async def nothing(connection: Any, slices: Any) -> None:
        """The position is never moved."""

    patch.setattr(inbound, "move_inbound", nothing)
    patch.setattr("services.intake.append.transaction.move_inbound", nothing)


@pytest.mark.parametrize(
    "plant",
    [
        no_compare_and_set,
        gate_always_open,
        gaps_are_passed_over,
        every_topic_is_healthy,
        published_before_acknowledged,
        inbound_moves_without_comparison,
    ],
)
def test_a_planted_fault_is_found(plant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    silence()
    plant(monkeypatch)
    for seed in range(1, MOST_SEEDS + 1):
        if run_seed(seed).failures:
            return
    pytest.fail(f"{MOST_SEEDS} seeds have not found it")
