"""The ends of slots: the same for all who wait, and no earlier than a slot after the beginning."""

import asyncio
import math
import time

from services.intake.query.slots import JITTER_SECONDS, SLOT_SECONDS, SlotEnds


def pollers() -> int:
    return sum(task.get_name() == "slot-ends" for task in asyncio.all_tasks())


async def test_one_task_polls_for_all_who_wait_and_none_for_nobody() -> None:
    ends = SlotEnds()
    begun = time.perf_counter()
    waiting = [asyncio.create_task(ends.after(begun - number * SLOT_SECONDS / 50)) for number in range(50)]
    await asyncio.sleep(0)
    assert pollers() == 1
    await asyncio.gather(*waiting)
    await asyncio.sleep(0)
    assert pollers() == 0
    await ends.after(time.perf_counter())


async def test_an_answer_waits_at_least_a_slot_and_to_a_common_end() -> None:
    ends = SlotEnds()
    begun = time.perf_counter()
    order: list[int] = []

    async def wait(number: int, since: float) -> None:
        await ends.after(since)
        assert time.perf_counter() >= since + SLOT_SECONDS
        order.append(number)

    await asyncio.gather(wait(3, begun + 2 * SLOT_SECONDS), wait(2, begun + SLOT_SECONDS), wait(1, begun))
    assert order == [1, 2, 3]


async def test_who_is_cancelled_keeps_nobody_else_from_the_end() -> None:
    ends = SlotEnds()
    begun = time.perf_counter()
    gone, other = (asyncio.create_task(ends.after(begun)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await other
    assert gone.cancelled()


async def test_an_end_is_later_by_chance() -> None:
    ends = SlotEnds(chance=lambda: 1.0)
    begun = time.perf_counter()
    await ends.after(begun)
    assert time.perf_counter() >= math.ceil(begun / SLOT_SECONDS + 1) * SLOT_SECONDS + JITTER_SECONDS
