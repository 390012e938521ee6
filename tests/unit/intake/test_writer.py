"""Group commit: who shares a transaction, and what happens to each when it fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.idempotency import Result
from services.intake.append.inbound import InboundPosition, InboundRecord, InboundSlice
from services.intake.append.writer import Busy, Submission, Writer
from shared.errors import GateClosed, OutcomeUnknown, RahnamaError, StalePosition, Unavailable

Transact = Callable[[Sequence[Submission], bool], object]


def arrival(name: str) -> ReceivedEvent:
    return ReceivedEvent(
        tenant="default", source="/s", id=name, key=name.encode(), causation_id=name, digest=b"", type=None,
        command=None, errors=(), lookup=None, fingerprint=b"", traceparent=None, raw=b"", door="http",
    )  # fmt: skip


def piece() -> InboundSlice:
    return InboundSlice(0, InboundPosition(0, bytes(32)), [InboundRecord(0, 0, b"", ())])


def result(item: ReceivedEvent) -> Result:
    return Result(source=item.source, id=item.id, status="accepted", causation_id=item.causation_id, facts=[])


class Transactions:
    """Commits everything, unless `fault` says otherwise; remembers what was asked."""

    def __init__(self, fault: Callable[[list[str], bool], Exception | None] = lambda *_: None) -> None:
        self.asked: list[tuple[list[str], bool]] = []
        self.go = asyncio.Event()
        self.go.set()
        self._fault = fault

    async def __call__(self, batch: Sequence[Submission], alone: bool) -> list[list[Result]]:
        names = [item.id or "" for submission in batch for item in submission.arrivals]
        self.asked.append((names, alone))
        await self.go.wait()
        if error := self._fault(names, alone):
            raise error
        return [[result(item) for item in submission.arrivals] for submission in batch]


@asynccontextmanager
async def started(
    transactions: Transactions,
    *,
    batch_events: int = 4,
    queued_events: int = 100,
    gather_seconds: float = 0.0,
    in_flight: int = 1,
) -> AsyncIterator[Writer]:
    writer = Writer(
        transactions,
        batch_events=batch_events,
        queued_events=queued_events,
        in_flight=in_flight,
        gather_seconds=gather_seconds,
    )
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def test_those_who_wait_share_the_next_transaction_up_to_its_bound() -> None:
    transactions = Transactions()
    transactions.go.clear()
    async with started(transactions) as writer:
        sending = [asyncio.create_task(writer.submit([arrival(name)])) for name in "abcdef"]
        await asyncio.sleep(0.01)
        transactions.go.set()
        answers = await asyncio.gather(*sending)
    assert [answer[0].id for answer in answers] == list("abcdef")
    assert [len(names) for names, _ in transactions.asked] in ([1, 4, 1], [4, 2])


async def test_a_request_longer_than_a_batch_is_one_transaction() -> None:
    transactions = Transactions()
    async with started(transactions) as writer:
        assert len(await writer.submit([arrival(name) for name in "abcdefg"])) == 7
    assert len(transactions.asked) == 1


async def test_a_full_queue_refuses_whoever_comes_next() -> None:
    transactions = Transactions()
    transactions.go.clear()
    async with started(transactions, queued_events=2) as writer:
        sending = [asyncio.create_task(writer.submit([arrival(name)])) for name in "ab"]
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(writer.submit([arrival(name)])) for name in "cd"]
        await asyncio.sleep(0.01)
        with pytest.raises(Busy):
            await writer.submit([arrival("e")])
        transactions.go.set()
        await asyncio.gather(*sending, *waiting)


async def test_while_one_is_refused_others_are_refused_unread_until_a_transaction_has_taken_its_events() -> (
    None
):
    transactions = Transactions()
    transactions.go.clear()
    async with started(transactions, batch_events=2, queued_events=2) as writer:
        running = asyncio.create_task(writer.submit([arrival("a")]))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(writer.submit([arrival("b"), arrival("c")]))
        await asyncio.sleep(0.01)
        writer.require_room()
        with pytest.raises(Busy):
            await writer.submit([arrival("d")])
        with pytest.raises(Busy):
            writer.require_room()
        transactions.go.set()
        await asyncio.gather(running, waiting)
        writer.require_room()
        assert [answer.id for answer in await writer.submit([arrival("d")])] == ["d"]


async def test_a_lost_race_is_run_again_alone() -> None:
    transactions = Transactions(lambda _, alone: None if alone else asyncpg.UniqueViolationError())
    async with started(transactions) as writer:
        [answer] = await writer.submit([arrival("a")])
    assert answer.id == "a"
    assert transactions.asked == [(["a"], False), (["a"], True)]


async def test_races_are_not_run_for_ever() -> None:
    transactions = Transactions(lambda *_: asyncpg.DeadlockDetectedError())
    async with started(transactions) as writer:
        with pytest.raises(Unavailable):
            await writer.submit([arrival("a")])
    assert len(transactions.asked) == 5


async def test_one_that_spoils_a_shared_transaction_fails_alone() -> None:
    transactions = Transactions(lambda names, _: StalePosition("moved") if "b" in names else None)
    transactions.go.clear()
    async with started(transactions) as writer:
        first = asyncio.create_task(writer.submit([arrival("first")]))
        await asyncio.sleep(0.01)
        good = [asyncio.create_task(writer.submit([arrival(name)])) for name in "ac"]
        bad = asyncio.create_task(writer.submit([arrival("b")], [piece()]))
        await asyncio.sleep(0.01)
        transactions.go.set()
        assert [answer[0].id for answer in await asyncio.gather(first, *good)] == ["first", "a", "c"]
        with pytest.raises(StalePosition):
            await bad


@pytest.mark.parametrize("error", [OutcomeUnknown("?"), GateClosed("closed")])
async def test_what_befalls_the_transaction_befalls_everyone_in_it_once(error: RahnamaError) -> None:
    transactions = Transactions(lambda *_: error)
    async with started(transactions) as writer:
        with pytest.raises(type(error)):
            await writer.submit([arrival("a")])
    assert len(transactions.asked) == 1


async def test_a_stop_lets_the_running_transaction_end_and_sends_the_others_away() -> None:
    transactions = Transactions()
    transactions.go.clear()
    writer = Writer(transactions, batch_events=1, queued_events=100, in_flight=1)
    await writer.start()
    running = asyncio.create_task(writer.submit([arrival("a")]))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(writer.submit([arrival("b")]))
    await asyncio.sleep(0.01)
    stopping = asyncio.create_task(writer.stop())
    await asyncio.sleep(0.01)
    transactions.go.set()
    await stopping
    assert (await running)[0].id == "a"
    with pytest.raises(Unavailable):
        await waiting
    assert writer.alive() is not None
