"""Tasks end also where an error has taken the place of their cancellation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from shared.runtime import tasks
from shared.runtime.tasks import Background, end_tasks


@asynccontextmanager
async def transaction_that_cannot_roll_back() -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        raise ConnectionResetError from None


async def test_who_lost_the_cancellation_to_a_failed_rollback_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)
    errors = 0

    async def try_for_ever() -> None:
        nonlocal errors
        while True:
            try:
                async with transaction_that_cannot_roll_back():
                    await asyncio.sleep(60)
            except ConnectionResetError:
                errors += 1
                await asyncio.sleep(60)

    task = asyncio.create_task(try_for_ever())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end_tasks([task])
    assert task.cancelled()
    assert errors == 1


async def test_errors_of_what_ends_are_passed_over_and_a_cancelled_end_is_not() -> None:
    async def fail() -> None:
        raise ValueError

    failing, waiting = asyncio.create_task(fail()), asyncio.create_task(asyncio.sleep(60))
    await end_tasks([failing, waiting])
    assert failing.done()
    assert waiting.cancelled()

    stubborn = asyncio.create_task(asyncio.to_thread(lambda: None))
    end = asyncio.create_task(end_tasks([stubborn]))
    await asyncio.sleep(0)
    end.cancel()
    with pytest.raises(asyncio.CancelledError):
        await end


async def test_what_works_in_the_background_runs_until_it_is_ended_or_ends() -> None:
    background = Background()
    assert not background.runs
    background.start(asyncio.Event().wait(), asyncio.sleep(60))  # type: ignore[arg-type]
    assert background.runs
    await background.end()
    assert not background.runs
    background.start(asyncio.sleep(0), asyncio.sleep(60))
    await asyncio.sleep(0.01)
    assert not background.runs, "one of the two has ended"
    await background.end()


async def test_a_work_that_fails_is_logged_with_its_place_and_without_its_message() -> None:
    async def fail() -> None:
        raise ValueError("0012345679")

    background = Background()
    with capture_logs() as lines:
        background.start(fail(), asyncio.sleep(60))
        await asyncio.sleep(0.01)
        assert not background.runs
        await background.end()
    (line,) = lines
    assert (line["event"], line["log_level"], line["error"]) == ("background_failed", "error", "ValueError")
    assert line["work"].endswith("fail")
    assert line["where"][-1].partition(":")[0] == __file__
    assert "0012345679" not in repr(line)
