"""Polls of `rahnama.inbound` in the writer's queue: they find their place beside requests, and give it back."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest

from services.intake.append.inbound import InboundSlice
from services.intake.append.writer import Busy, Writer
from tests.deadlines import until
from tests.unit.intake.test_writer import Transactions, arrival, piece, started


async def is_accepted(writer: Writer, names: Sequence[str], *slices: InboundSlice) -> bool:
    """Whether they find a place, and then each its answer."""
    try:
        answers = await writer.submit([arrival(name) for name in names], slices)
    except Busy:
        return False
    assert [answer.id for answer in answers] == list(names)
    return True


async def test_a_poll_gets_its_turn_beside_senders_who_take_every_place() -> None:
    """Larger than what is free, and than the whole queue: one record may hold as many events."""
    transactions = Transactions()
    async with started(transactions, batch_events=2, queued_events=4) as writer:
        stop, sent = asyncio.Event(), 0

        async def send_always() -> None:
            nonlocal sent
            while not stop.is_set():
                try:
                    await writer.submit([arrival("http")])
                except Busy:
                    await asyncio.sleep(0)
                else:
                    sent += 1

        def has_sent(number: int) -> bool:
            return sent >= number

        senders = [asyncio.create_task(send_always()) for _ in range(4)]
        await asyncio.sleep(0)
        for size in (2, 4, 9):
            async with asyncio.timeout(5):
                assert await is_accepted(writer, ["kafka"] * size, piece())
            before = sent
            writer.require_room()
            await until(partial(has_sent, before + 8))
        stop.set()
        await asyncio.gather(*senders)


async def test_beside_a_poll_that_waits_others_have_the_bound_that_they_always_have() -> None:
    transactions = Transactions()
    transactions.go.clear()
    async with started(transactions, queued_events=4) as writer:
        running = asyncio.create_task(writer.submit([arrival("a")]))
        await asyncio.sleep(0.01)
        poll = asyncio.create_task(writer.submit([arrival("kafka")] * 3, [piece()]))
        await asyncio.sleep(0.01)
        fits = asyncio.create_task(writer.submit([arrival("b")]))
        await asyncio.sleep(0.01)
        with pytest.raises(Busy):
            await writer.submit([arrival("c")])
        transactions.go.set()
        await asyncio.gather(running, poll, fits)


async def test_who_gives_up_waiting_leaves_the_queue() -> None:
    transactions = Transactions()
    transactions.go.clear()
    async with started(transactions, queued_events=2) as writer:
        running = asyncio.create_task(writer.submit([arrival("a")]))
        await asyncio.sleep(0.01)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await writer.submit([arrival("gone")] * 2, [piece()])
        waiting = asyncio.create_task(is_accepted(writer, ["b", "c"]))
        await asyncio.sleep(0.01)
        transactions.go.set()
        await running
        assert await waiting
    assert [names for names, _ in transactions.asked] == [["a"], ["b", "c"]]
