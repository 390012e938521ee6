"""The evidence that poison was refused: a rejection at the offset of each record, not any rejection."""

import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults.fault_context import Expected, FaultContext
from tests.faults.kinds import alarms, poison
from tests.faults.senders import Place, Record
from tests.faults.trial_environment import TrialEnvironment


class Upstream:
    """Acknowledges each record at once, unless `acknowledges` is false, and keeps where it is."""

    def __init__(self, *, acknowledges: bool = True) -> None:
        self.acknowledges = acknowledges
        self.records: dict[Place, Record] = {}

    async def produce(self, records: list[Record], topic: str, partition: int) -> list[Place]:
        assert topic == "rahnama.inbound"
        [record] = records
        place = (partition, 1000 + len(self.records))
        self.records[place] = record
        return [place] if self.acknowledges else []


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Upstream:
    async def at_once(*_: object) -> None:
        pass

    monkeypatch.setattr(FaultContext, "underway", at_once)
    monkeypatch.setattr(FaultContext, "pause", at_once)
    monkeypatch.setattr(alarms, "ALARM_SECONDS", 0.3)
    return Upstream()


def context(upstream: Upstream) -> FaultContext:
    environment = SimpleNamespace(senders=upstream, servers=SimpleNamespace(dsns={"intake": ""}))
    made = FaultContext(cast(TrialEnvironment, environment), random.Random(7), [])
    made.in_flight.append(1)
    return made


def reject(monkeypatch: pytest.MonkeyPatch, upstream: Upstream, *, but: int) -> None:
    """All poison except the last `but` records is rejected, and more of the ordinary load at each look."""
    load: list[Place] = []

    async def read_rows(*_: object) -> list[dict[str, Any]]:
        load.append((0, len(load)))
        found = [*load, *list(upstream.records)[: len(upstream.records) - but]]
        return [{"partition": partition, "offset": offset} for partition, offset in found]

    monkeypatch.setattr(poison, "read_rows", read_rows)


async def test_poison_counts_when_each_record_is_rejected_at_its_offset(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject(monkeypatch, upstream, but=0)
    struck = context(upstream)
    await poison.poison_comes_from_upstream(struck)
    assert struck.not_happened == []
    assert struck.witnessed == 1


@pytest.mark.parametrize("but", [1, 5])
async def test_rejections_of_the_ordinary_load_are_no_evidence(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, but: int
) -> None:
    reject(monkeypatch, upstream, but=but)
    struck = context(upstream)
    with pytest.raises(Expected, match="not each of"):
        await poison.poison_comes_from_upstream(struck)
    assert struck.witnessed == 0


async def test_poison_of_which_no_place_is_known_does_not_count(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.acknowledges = False
    reject(monkeypatch, upstream, but=0)
    struck = context(upstream)
    await poison.poison_comes_from_upstream(struck)
    assert struck.not_happened == [
        f"none of {len(upstream.records)} poisonous records was acknowledged at once"
    ]


def test_a_record_with_an_id_gets_one_of_its_trial() -> None:
    records = [(b'{"id": "poison"}', None, None), (b"{", b"k", None)]
    first, other = (
        poison._with_new_id(FaultContext(cast(TrialEnvironment, None), random.Random(seed), []), records)
        for seed in (1, 2)
    )
    assert first[0] != other[0]
    assert first[0][0].startswith(b'{"id": "poison-')
    assert first[1] == records[1]
