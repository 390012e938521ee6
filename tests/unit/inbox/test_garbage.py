"""The garbage collector runs between batches."""

import asyncio
import gc
import weakref

from shared.inbox.garbage import GarbagePacer


class Cycle:
    """What only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


async def test_it_collects_after_every_so_many_batches_and_gives_the_collector_back() -> None:
    pacer = GarbagePacer(batches=3)
    pacer.start()
    try:
        assert not gc.isenabled()
        before = gc.get_stats()[2]["collections"]
        for _ in range(6):
            pacer.batch_done()
        assert gc.get_stats()[2]["collections"] == before + 2
    finally:
        pacer.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


async def test_it_collects_after_some_time_where_batches_are_few_until_it_is_stopped() -> None:
    pacer = GarbagePacer(seconds=0.01)
    pacer.start()
    try:
        for _ in range(2):
            left = weakref.ref(Cycle())
            assert left() is not None
            async with asyncio.timeout(30):
                while left() is not None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
    finally:
        pacer.stop()
    gc.disable()
    try:
        left = weakref.ref(Cycle())
        await asyncio.sleep(0.05)
        assert left() is not None
    finally:
        gc.enable()
