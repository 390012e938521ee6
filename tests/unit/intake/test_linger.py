"""Single events: several senders share a transaction, and nobody waits for others that are not there."""

import asyncio

import pytest

from services.intake.append.writer import Busy, Writer
from shared.append.linger import MANY_EVENTS, MOST_SURE, SURE, Linger
from shared.errors import Unavailable
from tests.unit.intake.test_writer import Transactions, arrival, started

TOO_LONG = 60.0
"""No test waits so long: what had to gather for it would time out."""


def sure(seconds: float = TOO_LONG, many: int = MANY_EVENTS) -> Linger:
    """One that has seen others come beside what was written, as often as it takes."""
    gathering = Linger(seconds, many)
    for _ in range(SURE):
        gathering.written(1, others=1)
    return gathering


async def waits(gathering: Linger, submissions: int = 1, events: int = 1) -> "asyncio.Task[None] | None":
    """The waiting, or None if nothing is waited for."""
    came_at = asyncio.get_running_loop().time()
    waiting = asyncio.create_task(gathering.wait(came_at, submissions, events))
    await asyncio.sleep(0.01)
    return None if waiting.done() else waiting


async def ended(waiting: "asyncio.Task[None] | None") -> None:
    assert waiting is not None
    async with asyncio.timeout(TOO_LONG / 2):
        await waiting


async def test_it_waits_when_others_came_twice_and_until_many_are_together_again_and_again() -> None:
    gathering = sure()
    for _ in range(3):
        waiting = await waits(gathering)
        gathering.came(MANY_EVENTS, MANY_EVENTS)
        await ended(waiting)


async def test_others_that_came_once_are_no_reason_to_wait() -> None:
    gathering = Linger(TOO_LONG)
    gathering.written(1, others=1)
    assert await waits(gathering) is None


async def test_it_ends_when_as_many_came_again_as_were_written_together() -> None:
    gathering = sure()
    gathering.written(3, others=0)
    waiting = await waits(gathering)
    gathering.came(2, 2)
    await asyncio.sleep(0.01)
    gathering.came(3, 3)
    await ended(waiting)


async def test_who_is_alone_again_is_not_kept_waiting_and_the_others_are_forgotten() -> None:
    gathering = sure()
    gathering.written(1, others=0)
    assert await waits(gathering) is None
    for _ in range(MOST_SURE):
        gathering.written(1, others=0)
    gathering.written(1, others=1)
    assert await waits(gathering) is None


async def test_many_events_and_a_time_that_is_over_are_not_waited_for() -> None:
    assert await waits(sure(many=4), submissions=1, events=4) is None
    assert await waits(sure(seconds=0.0)) is None


async def send(writer: Writer, *names: str) -> "list[asyncio.Task[object]]":
    """Submissions of one event each, which are in the queue when this returns."""
    sending = [asyncio.create_task(writer.submit([arrival(name)])) for name in names]
    await asyncio.sleep(0.01)
    return sending  # type: ignore[return-value]


async def overlap(writer: Writer, transactions: Transactions) -> "list[asyncio.Task[object]]":
    """As many transactions as it takes, beside each of which somebody comes; the last of them waits now."""
    transactions.go.clear()
    sending = await send(writer, "first")
    for number in range(SURE):
        sending += await send(writer, f"beside {number}")
        transactions.go.set()
        await asyncio.sleep(0)
        transactions.go.clear()
        await asyncio.sleep(0.01)
    return sending


def written(transactions: Transactions) -> list[str]:
    return [name for names, _ in transactions.asked for name in names]


async def test_one_sender_after_its_own_answers_never_waits() -> None:
    transactions = Transactions()
    async with asyncio.timeout(TOO_LONG / 2), started(transactions, gather_seconds=TOO_LONG) as writer:
        for name in "abc":
            await writer.submit([arrival(name)])
    assert [names for names, _ in transactions.asked] == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("in_flight", [1, 2])
async def test_senders_that_all_wait_for_their_answers_share_every_transaction(in_flight: int) -> None:
    transactions = Transactions()

    async def sender(number: int) -> None:
        for turn in range(20):
            await writer.submit([arrival(f"{number} {turn}")])

    async with started(transactions, batch_events=100, gather_seconds=0.02, in_flight=in_flight) as writer:
        await asyncio.gather(*(sender(number) for number in range(8)))
    assert [len(names) for names, _ in transactions.asked][-10:] == [8] * 10


async def test_what_gathers_is_written_when_its_time_is_over() -> None:
    transactions = Transactions()
    last = f"beside {SURE - 1}"
    async with started(transactions, gather_seconds=1.0) as writer:
        sending = await overlap(writer, transactions)
        assert last not in written(transactions)
        transactions.go.set()
        await asyncio.gather(*sending)
    assert written(transactions)[-1] == last


async def test_who_finds_no_room_ends_the_waiting_of_the_others() -> None:
    transactions = Transactions()
    async with (
        asyncio.timeout(TOO_LONG / 2),
        started(transactions, queued_events=100, gather_seconds=TOO_LONG) as writer,
    ):
        sending = await overlap(writer, transactions)
        transactions.go.set()
        with pytest.raises(Busy):
            await writer.submit([arrival(f"large {number}") for number in range(100)])
        await asyncio.gather(*sending)
        writer.require_room()


async def test_a_stop_sends_away_who_still_waits_for_others() -> None:
    transactions = Transactions()
    async with asyncio.timeout(TOO_LONG / 2), started(transactions, gather_seconds=TOO_LONG) as writer:
        *written, waiting = await overlap(writer, transactions)
        transactions.go.set()
        await asyncio.gather(*written)
        assert not waiting.done()
        await writer.stop()
        with pytest.raises(Unavailable):
            await waiting
