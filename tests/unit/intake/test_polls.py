"""How a poll of `rahnama.inbound` is handed to the writer: in parts of a bounded number of events, in its order."""

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.inbound import InboundPosition, InboundRecord, InboundSlice
from services.intake.append.writer import Writer
from services.intake.crypto.sealing import Keyring
from services.intake.inbox.polls import Polls
from services.intake.inbox.receive import Receiver
from shared.telemetry import Telemetry

BATCH = [("content-type", b"application/cloudevents-batch+json")]
START = InboundPosition(0, bytes(32))
BOUND = 10


class Submissions:
    """The writer: keeps what it is given."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.slices: list[InboundSlice] = []

    async def submit(self, arrivals: Sequence[ReceivedEvent], slices: Sequence[InboundSlice]) -> list[Any]:
        assert slices, "positions move with every submission"
        records = [(piece.partition, record.offset) for piece in slices for record in piece.records]
        assert list(dict.fromkeys((item.partition, item.offset) for item in arrivals)) == records
        self.sizes.append(len(arrivals))
        self.slices += slices
        return []


def poll(*partitions: Sequence[int]) -> list[InboundSlice]:
    """Records with so many events each."""
    return [
        InboundSlice(
            partition,
            START,
            [
                InboundRecord(
                    offset, 0, json.dumps([{"id": number} for number in range(count)]).encode(), BATCH
                )
                for offset, count in enumerate(counts)
            ],
        )
        for partition, counts in enumerate(partitions)
    ]


async def applied(slices: Sequence[InboundSlice]) -> Submissions:
    """What the writer is given of a poll; the positions lead from one to the next."""
    receiver = Receiver(Keyring(bytes(32)), {}, event_bytes=1000, batch_events=100)
    writer = Submissions()
    polls = Polls(
        receiver, cast(Writer, writer), Telemetry(), topic="rahnama.inbound", submission_events=BOUND
    )
    await polls.apply(slices)
    for piece in slices:
        parts = [part for part in writer.slices if part.partition == piece.partition]
        assert [record for part in parts for record in part.records] == list(piece.records)
        expected = piece.expected
        for part in parts:
            assert part.expected == expected
            expected = part.reached
        assert expected == piece.reached
    return writer


@pytest.mark.parametrize(
    ("partitions", "sizes"),
    [
        ([[1] * 10], [10]),
        ([[1] * 25], [10, 10, 5]),
        ([[6, 6, 6]], [6, 6, 6]),
        ([[4, 6, 1]], [10, 1]),
        ([[4, 3], [3], [5, 5, 5]], [10, 10, 5]),
        ([[10], [10]], [10, 10]),
        ([[5], [20], [5, 5]], [5, 20, 10]),  # one record is one submission, however many events it has
        ([[20, 1]], [20, 1]),
    ],
)
async def test_no_submission_has_more_events_than_the_bound_or_than_one_record(
    partitions: list[list[int]], sizes: list[int]
) -> None:
    assert (await applied(poll(*partitions))).sizes == sizes
