"""Compressed bombs cost intake no memory and no heartbeat: the peak of its process is measured, codec by codec."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio

from shared.kafka.closing_clients import Admin, Producer
from tests.e2e.conftest import upstream_of_new_system
from tests.e2e.people import event, student
from tests.e2e.upstream import STRUCTURED_HEADERS, Upstream
from tests.invariants.reading import INBOUND

MIB: Final = 1024 * 1024
BOMBS: Final = {"gzip": 128 * MIB, "lz4": 128 * MIB, "zstd": 128 * MIB, "snappy": 38 * MIB}
"""Bytes of zeros. Snappy packs them twentyfold only: more is longer than the topic takes (2 MiB)."""
GROWTH_BYTES: Final = 64_000_000
SENT: Final = 5
"""Bombs at once, each to a partition of its own."""
WARM_EVENTS: Final = 3_000
GROUP: Final = "rahnama.intake"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def warm() -> AsyncIterator[Upstream]:
    """A system whose intake has already grown by what its usual work takes, with and without compression."""
    async with upstream_of_new_system() as upstream:
        students = [
            event("student.registered", f"warm {n}", student(610_000_000 + n)) for n in range(WARM_EVENTS)
        ]
        await upstream.post(students[:500])
        await upstream.produce_events(students[500:])
        for compression in BOMBS:
            await produce(upstream, [b"{}"] * SENT, compression)
        await upstream.settle()
        yield upstream


async def produce(upstream: Upstream, values: list[bytes], compression: str | None) -> None:
    """One record of each value, in a batch of its own: the first in partition 0, the second in 1 and so on."""
    producer = Producer(
        bootstrap_servers=upstream.system.kafka_bootstrap,
        acks="all",
        compression_type=compression,
        max_request_size=2 * max(BOMBS.values()),
        max_batch_size=2 * max(BOMBS.values()),
    )
    await producer.start()
    try:
        for partition, value in enumerate(values):
            await producer.send_and_wait(INBOUND, value, partition=partition, headers=STRUCTURED_HEADERS)
    finally:
        await producer.stop()


class Peak:
    """The memory of intake's process, as its kernel counts it."""

    def __init__(self, upstream: Upstream) -> None:
        child = upstream.system.parts["intake"].child
        assert child is not None
        self._process = Path(f"/proc/{child.pid}")
        self.pid = child.pid
        self._resident = 0

    def begin(self) -> None:
        """Forgets the peak of before (proc(5), `clear_refs`)."""
        (self._process / "clear_refs").write_text("5")
        self._resident = self._bytes("VmRSS")

    def growth(self) -> int:
        """Bytes between the most since `begin` and what was resident then."""
        return self._bytes("VmHWM") - self._resident

    async def stays_small_while(self, work: Coroutine[Any, Any, None]) -> None:
        """Fails as soon as the process has grown too much: one that inflates a bomb may take minutes for it."""
        working = asyncio.create_task(work)
        try:
            while not working.done():
                await asyncio.wait({working}, timeout=0.2)
                assert self.growth() < GROWTH_BYTES
            await working
        finally:
            working.cancel()

    def _bytes(self, name: str) -> int:
        lines = (self._process / "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


async def members(upstream: Upstream) -> set[str]:
    """The ids of intake's members in its consumer group: one whose heartbeats stop comes back under another id."""
    admin = Admin(bootstrap_servers=upstream.system.kafka_bootstrap)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([GROUP])
        described: Any = answer
        [(_code, _, _state, _, _, found, *_)] = described.groups
        return {member[0] for member in found}
    finally:
        await admin.close()


async def too_large(upstream: Upstream) -> int:
    """How many batches intake has refused as too large."""
    connection = await asyncpg.connect(upstream.servers.dsns["intake"])
    try:
        found = await connection.fetchval(
            "select count(*) from rejections where errors::text like '%BATCH_TOO_LARGE%'"
        )
        return int(found)
    finally:
        await connection.close()


@pytest.mark.parametrize("compression", BOMBS)
async def test_intake_grows_by_less_than_64_mb_and_stays_in_its_group(
    warm: Upstream, compression: str
) -> None:
    peak = Peak(warm)
    before, refused = await members(warm), await too_large(warm)
    bombs = [bytes(BOMBS[compression])] * SENT
    first = 620_000_000 + SENT * list(BOMBS).index(compression)
    after = [event("student.registered", f"after {compression} {n}", student(first + n)) for n in range(SENT)]
    peak.begin()
    await peak.stays_small_while(produce(warm, bombs, compression))
    await peak.stays_small_while(produce(warm, [json.dumps(one).encode() for one in after], None))
    await peak.stays_small_while(warm.settle())

    assert await too_large(warm) == refused + SENT
    assert {(await warm.look_up(one))["status"] for one in after} == {"accepted"}
    print(f"{compression}: intake grew by {peak.growth() / 1e6:.1f} MB")
    assert await members(warm) == before != set()
    assert peak.pid == Peak(warm).pid
