"""The W3C context of an event is kept in the log, whichever door it came through."""

import json

from tests.integration.intake.harness import SINGLE, Intake, student

HEADER = "00-11111111111111111111111111111111-2222222222222222-00"
OWN = "00-33333333333333333333333333333333-4444444444444444-00"


async def context_of(intake: Intake, result: dict[str, object]) -> str:
    [row] = await intake.rows("select traceparent from log where subject = $1", result["subject"])
    kept: str = row["traceparent"]
    return kept


async def test_over_http_the_events_own_context_wins_over_the_requests(intake: Intake) -> None:
    for sent, expected in ((student(1), HEADER), (student(2) | {"traceparent": OWN}, OWN)):
        answer = await intake.post(sent, SINGLE | {"traceparent": HEADER})
        assert await context_of(intake, answer.json()) == expected


async def test_over_kafka_the_events_own_context_wins_over_the_records(intake: Intake) -> None:
    header = [("traceparent", HEADER.encode())]
    await intake.write_inbound(
        json.dumps(student(3, "t-3")).encode(),
        json.dumps(student(4, "t-4") | {"traceparent": OWN}).encode(),
        headers=header,
    )
    await intake.write_inbound(json.dumps(student(5, "t-5")).encode(), partition=1)
    assert await context_of(intake, await intake.answered("t-3")) == HEADER
    assert await context_of(intake, await intake.answered("t-4")) == OWN
    assert len(await context_of(intake, await intake.answered("t-5"))) == 55
