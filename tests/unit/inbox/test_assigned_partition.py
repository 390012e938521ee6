"""How long a partition waits before it is tried again, and what is worth trying."""

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaConnectionError, KafkaTimeoutError

from shared.errors import Fork, Gap, GateClosed, StalePosition, Unapplicable
from shared.inbox.assigned_partition import AssignedPartition, passes
from shared.inbox.positions import Slice
from tests.integration.inbox.adder import Sum


def waits(assigned: "AssignedPartition[Slice[Sum]]", count: int) -> list[float]:
    return [assigned.retry_seconds() for _ in range(count)]


def assigned() -> "AssignedPartition[Slice[Sum]]":
    return AssignedPartition(TopicPartition("t", 0), "intake")


def test_a_fault_that_passes_is_tried_again_ever_slower_up_to_five_seconds() -> None:
    assert waits(assigned(), 8) == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_a_gap_is_tried_again_ever_slower_up_to_a_minute() -> None:
    waiting = assigned()
    waiting.held = Gap("intake", 0, 5, "missing")
    assert waits(waiting, 8) == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("kind", [Fork, Unapplicable])
def test_what_only_a_person_or_a_release_can_mend_is_tried_every_half_minute(
    kind: type[Fork | Unapplicable],
) -> None:
    waiting = assigned()
    waiting.held = kind("intake", 0, 5, "")
    assert waits(waiting, 3) == [30, 30, 30]


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError(),
        asyncpg.DeadlockDetectedError(""),
        asyncpg.InterfaceError(""),
        asyncpg.InternalClientError(""),
        KafkaConnectionError(),
        KafkaTimeoutError(),
        GateClosed(""),
        StalePosition(""),
    ],
)
def test_faults_of_servers_and_of_other_writers_pass(error: Exception) -> None:
    assert passes(error)


@pytest.mark.parametrize(
    "error",
    [KeyError(), CorruptRecordException(), asyncpg.UndefinedTableError(""), Unapplicable("intake", 0, 5, "")],
)
def test_mistakes_do_not_pass(error: Exception) -> None:
    assert not passes(error)


def test_nothing_waits_while_everything_known_is_applied() -> None:
    level = assigned()
    level.assigned_at, level.applied, level.newest = 1000.0, 7, 7
    assert (level.lag(), level.lag_seconds(5000.0)) == (0, 0)


def test_what_came_since_nothing_waited_is_no_older_than_that() -> None:
    behind = assigned()
    behind.assigned_at, behind.applied, behind.newest = 1000.0, 7, 7
    behind.looked(5000.0)
    behind.newest = 9
    behind.looked(5002.0)
    assert (behind.lag(), behind.lag_seconds(5003.0)) == (2, 3)


def test_what_waits_is_no_older_than_the_last_record_that_was_applied() -> None:
    behind = assigned()
    behind.assigned_at, behind.newest = 10_000.0, 9
    assert behind.lag_seconds(10_060.0) == 60, "nothing is known of what waits: since it is ours"
    behind.applied = 5
    behind.went_to(1_050_000, 10_060.0)
    assert behind.lag_seconds(10_060.0) == 9_010, "an old backlog is as old as it is"
    behind.applied = 9
    behind.went_to(1_090_000, 10_070.0)
    behind.newest = 10
    assert behind.lag_seconds(10_071.0) == 1
