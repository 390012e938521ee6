"""What the relay tells of its backlog: how many events, and how old the oldest of them is."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import pytest

from shared.append.log import Appended, Log
from shared.contracts.envelope import Envelope, encode, rfc3339
from shared.relay.backlog import Backlog
from shared.relay.gauges import RelayGauges
from shared.relay.partition_relay import PartitionRelay
from shared.telemetry import Telemetry

AGE: Final = timedelta(minutes=10)


class Standing:
    """A relay of two partitions with a log behind it, as far as the gauges see it."""

    def __init__(self) -> None:
        self.log = Log("intake")
        self.backlog = Backlog(2, limit_bytes=10_000)
        self.published = {0: 0, 1: 0}
        self.partitions = [self._partition(number) for number in (0, 1)]
        self.gauges = RelayGauges(
            self.log, self.partitions, self.backlog, lambda: self.published, lambda: 2, lambda: 1
        )

    def value(self, of: str) -> float:
        [(value, labels)] = getattr(self.gauges, of)()
        assert labels == {"source": "intake"}
        return float(value)

    def _partition(self, number: int) -> PartitionRelay:
        return PartitionRelay(
            number,
            source="intake",
            pool=None,  # type: ignore[arg-type]
            backlog=self.backlog,
            leadership=None,  # type: ignore[arg-type]
            before_publish=None,
            telemetry=Telemetry(),
            ask_for_look=lambda: None,
            acknowledged=lambda: None,
        )


def an_event(sequence: int, age: timedelta) -> Appended:
    time = rfc3339(datetime.now(UTC) - age)
    value = encode(
        Envelope(
            specversion="1.0", id=f"intake-00-{sequence:016d}", source="/rahnama/intake", type="t",
            subject="s", time=time, datacontenttype="application/json", tenant="default",
            sequence=f"{sequence:016d}", previous="00" * 32, causationid="c", data=msgspec.Raw(b"{}"),
        )
    )  # fmt: skip
    return Appended(0, sequence, "t", "default", "s", None, value, b"", None)


def test_nothing_waits_at_first() -> None:
    standing = Standing()
    assert (standing.value("backlog"), standing.value("age")) == (0, 0)


def test_the_oldest_event_of_any_partition_tells_the_age() -> None:
    standing = Standing()
    standing.backlog.offer(0, [an_event(1, AGE * 3), an_event(2, AGE), an_event(3, AGE / 2)])
    standing.partitions[0].head = 3
    standing.published[0] = 1
    assert standing.value("backlog") == 2
    assert standing.value("age") == pytest.approx(AGE.total_seconds(), abs=5)


def test_what_memory_does_not_have_is_as_old_as_the_partition_is_behind() -> None:
    standing = Standing()
    standing.partitions[1].head = 40
    assert standing.value("backlog") == 40
    assert standing.value("age") < 5
    standing.published[1] = 40
    assert (standing.value("backlog"), standing.value("age")) == (0, 0)


def test_a_closed_gate_is_told() -> None:
    standing = Standing()
    assert (standing.value("gate"), standing.value("leads")) == (0, 2)
    standing.log.gate.open()
    assert standing.value("gate") == 1
