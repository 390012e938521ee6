"""Single events: several senders share a transaction, one sender alone never waits."""

import asyncio

import pytest

from services.intake.append.gathering import MANY_EVENTS
from shared.errors import Unavailable
from tests.unit.intake.test_writer import Transactions, arrival, started

TOO_LONG = 60.0
"""No test waits so long: what had to gather for it would time out."""


async def test_one_sender_after_its_own_answers_never_waits() -> None:
    transactions = Transactions()
    async with asyncio.timeout(TOO_LONG / 2), started(transactions, gather_seconds=TOO_LONG) as writer:
        for name in "abc":
            await writer.submit([arrival(name)])
    assert [names for names, _ in transactions.asked] == [["a"], ["b"], ["c"]]


async def test_who_comes_beside_another_waits_until_many_are_together() -> None:
    transactions = Transactions()
    transactions.go.clear()
    later = [f"b{number}" for number in range(MANY_EVENTS)]
    async with (
        asyncio.timeout(TOO_LONG / 2),
        started(transactions, batch_events=100, gather_seconds=TOO_LONG) as writer,
    ):
        sending = [asyncio.create_task(writer.submit([arrival("a")]))]
        await asyncio.sleep(0.01)
        sending += [asyncio.create_task(writer.submit([arrival(name)])) for name in later[:-1]]
        await asyncio.sleep(0.01)
        transactions.go.set()
        await asyncio.sleep(0.01)
        assert [names for names, _ in transactions.asked] == [["a"]]
        sending.append(asyncio.create_task(writer.submit([arrival(later[-1])])))
        await asyncio.gather(*sending)
    assert [names for names, _ in transactions.asked] == [["a"], later]


async def test_what_gathers_is_written_when_its_time_is_over() -> None:
    transactions = Transactions()
    transactions.go.clear()
    async with started(transactions, gather_seconds=0.05) as writer:
        first = asyncio.create_task(writer.submit([arrival("a")]))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(writer.submit([arrival("b")]))
        await asyncio.sleep(0)
        transactions.go.set()
        await first
        third = asyncio.create_task(writer.submit([arrival("c")]))
        await asyncio.gather(second, third)
    assert [names for names, _ in transactions.asked] == [["a"], ["b", "c"]]


async def test_a_large_request_beside_others_does_not_wait() -> None:
    transactions = Transactions()
    transactions.go.clear()
    async with asyncio.timeout(TOO_LONG / 2), started(transactions, gather_seconds=TOO_LONG) as writer:
        first = asyncio.create_task(writer.submit([arrival("a")]))
        await asyncio.sleep(0.01)
        large = asyncio.create_task(writer.submit([arrival(f"b{number}") for number in range(MANY_EVENTS)]))
        await asyncio.sleep(0.01)
        transactions.go.set()
        await asyncio.gather(first, large)


async def test_a_stop_sends_away_who_still_waits_for_others() -> None:
    transactions = Transactions()
    transactions.go.clear()
    async with asyncio.timeout(TOO_LONG / 2), started(transactions, gather_seconds=TOO_LONG) as writer:
        first = asyncio.create_task(writer.submit([arrival("a")]))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(writer.submit([arrival("b")]))
        await asyncio.sleep(0.01)
        transactions.go.set()
        await first
        await writer.stop()
        with pytest.raises(Unavailable):
            await second
