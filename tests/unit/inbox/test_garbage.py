"""The garbage collector runs between batches."""

import gc

from shared.inbox.garbage import GarbagePacer


def test_it_collects_after_every_so_many_batches_and_gives_the_collector_back() -> None:
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
