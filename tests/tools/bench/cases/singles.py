"""Single POSTs: what each costs at so many a second, and how many a second are answered at most.

The `sum` of the CPU is that of the services, PostgreSQL and Kafka; the sender's is beside it.
"""

import asyncio
import time
from typing import Final

from tests.tools.bench.figures import Figures, require_equal, spread
from tests.tools.bench.harness import Harness, new_harness
from tests.tools.bench.probe import Probe
from tests.tools.bench.processes import SENDER, shares, spent
from tests.tools.bench.sizes import Sizes

SENDERS: Final = 64


async def run(sizes: Sizes) -> Figures:
    """CPU by part, the sender's apart; and what the system costs a second while nothing comes."""
    async with new_harness() as harness, Probe(harness, sizes.singles_warm_up + 2 * sizes.singles) as probe:
        for _ in range(sizes.singles_warm_up):
            await probe.send()
        await harness.chain.wait_for_ledger()
        idle = harness.usage()
        await asyncio.sleep(sizes.idle_seconds)
        before, begun = harness.usage(), time.monotonic()
        milliseconds: list[float] = []

        async def post(number: int) -> None:
            await asyncio.sleep(max(0.0, begun + number / sizes.singles_per_second - time.monotonic()))
            sent_at = time.perf_counter()
            await probe.send()
            milliseconds.append((time.perf_counter() - sent_at) * 1000)

        async with asyncio.TaskGroup() as group:
            for number in range(sizes.singles):
                group.create_task(post(number))
        answered = time.monotonic() - begun
        await harness.chain.wait_for_ledger()
        after = harness.usage()
        require_equal(len(milliseconds), sizes.singles, "posts that were answered")
        most = await _as_fast_as_answered(harness, probe, sizes.singles)
        await harness.check_students(probe.sent)
        return {
            "most": most,
            "posts": sizes.singles,
            "posts_per_second": round(sizes.singles / answered, 1),
            "answer_ms": spread(milliseconds),
            "cpu_ms_per_post": _each(spent(before, after), sizes.singles),
            "idle_cpu_ms_per_second": _each(spent(idle, before), before.at - idle.at),
            "machine": shares(before, after),
        }


async def _as_fast_as_answered(harness: Harness, probe: Probe, posts: int) -> Figures:
    """Events a second, one in each request, `SENDERS` at once; from the first request until all are in the ledger."""
    before, begun = harness.usage(), time.monotonic()
    left = iter(range(posts))

    async def post_all() -> None:
        for _ in left:
            await probe.send()

    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(post_all())
    answered = time.monotonic()
    await harness.chain.wait_for_ledger()
    seconds, machine = time.monotonic() - begun, shares(before, harness.usage())
    return {
        "senders": SENDERS,
        "posts": posts,
        "answers_per_second": round(posts / (answered - begun), 1),
        "posts_per_second": round(posts / seconds, 1),
        "machine": machine,
    }


def _each(cpu: dict[str, float], divisor: float) -> dict[str, float]:
    each = {part: round(seconds * 1000 / divisor, 3) for part, seconds in cpu.items()}
    return {**each, "sum": round(sum(cost for part, cost in each.items() if part != SENDER), 3)}
