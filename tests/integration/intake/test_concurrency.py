"""Two instances on one database, and connections that are lost: nobody is known twice, nothing is half done."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from infra.local.databases import Databases
from shared.contracts.envelope import NO_HASH, decode, leaf_hash
from tests.integration.intake.harness import BATCH, Intake, make_settings, prepare, running, student
from tests.servers import MakesTopics, PostgresCluster
from tests.tokens import TestIssuer

Pair = tuple[Intake, Intake]
SLEEPS_IN_A_TRANSACTION = (
    "create function wait_a_little() returns trigger language plpgsql as"
    " $$ begin perform pg_sleep(30); return null; end $$;"
    "create constraint trigger waits after insert on idempotency {when} for each row"
    " execute function wait_a_little();"
)


@pytest_asyncio.fixture(loop_scope="session")
async def pair(databases: Databases, topics: MakesTopics, tmp_path: Path) -> AsyncIterator[Pair]:
    """Two instances of intake that share everything."""
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path, transactions_in_flight=2)
    async with (
        running(databases.intake, made, issuer, settings) as one,
        running(databases.intake, made, issuer, settings) as two,
    ):
        yield one, two


async def require_dense_chain(intake: Intake) -> int:
    """Every partition is dense and chained; returns the number of facts."""
    count = 0
    rows = await intake.rows("select partition, sequence, value, hash from log order by partition, sequence")
    for partition in {row["partition"] for row in rows}:
        previous = NO_HASH
        part = [row for row in rows if row["partition"] == partition]
        for expected, row in enumerate(part, 1):
            assert row["sequence"] == expected
            assert decode(row["value"]).previous == previous.hex()
            assert leaf_hash(row["value"]) == row["hash"]
            previous = row["hash"]
        count += len(part)
    return count


async def test_the_same_people_registered_by_two_instances_at_once_are_known_once(pair: Pair) -> None:
    people = range(120)

    async def send(intake: Intake, order: list[int]) -> list[dict[str, object]]:
        results = await asyncio.gather(
            *(
                intake.send_batch(
                    [
                        student(number, f"{id(intake)}-{number}", reg_center=0)
                        for number in order[start : start + 20]
                    ]
                )
                for start in range(0, len(order), 20)
            )
        )
        return [result for batch in results for result in batch]

    one, two = pair
    answers = await asyncio.gather(send(one, list(people)), send(two, list(reversed(people))))
    results = [result for answer in answers for result in answer]
    assert sorted(str(result["status"]) for result in results) == ["accepted"] * 120 + ["unchanged"] * 120
    assert len({result["subject"] for result in results}) == 120
    assert await require_dense_chain(one) == 120
    [row] = await one.rows("select count(*) as known, count(distinct student_id) as ids from students")
    assert (row["known"], row["ids"]) == (120, 120)


async def test_the_same_events_sent_to_two_instances_at_once_are_answered_once(pair: Pair) -> None:
    events = [student(number) for number in range(100)]
    first, second = await asyncio.gather(pair[0].send_batch(events), pair[1].send_batch(events[::-1]))
    statuses = sorted(result["status"] for result in [*first, *second])
    assert statuses == ["accepted"] * 100 + ["duplicate"] * 100
    assert [result["facts"] for result in first] == [result["facts"] for result in second[::-1]]
    assert await require_dense_chain(pair[0]) == 100


async def test_the_same_student_changed_by_two_instances_at_once_keeps_one_history(pair: Pair) -> None:
    subject = (await pair[0].send(student(1)))["subject"]
    changes = await asyncio.gather(
        *(
            pair[number % 2].send(student(1, f"change-{number}", mobile=f"0935{number:07d}"))
            for number in range(20)
        )
    )
    assert {result["status"] for result in changes} == {"accepted"}
    rows = await pair[0].rows("select version from log where subject = $1 order by version", subject)
    assert [row["version"] for row in rows] == list(range(1, 22))
    await require_dense_chain(pair[0])


async def terminate(postgres: PostgresCluster, database: str) -> None:
    """Ends every connection of the services to `database`."""
    admin = await asyncpg.connect(postgres.admin_dsn)
    try:
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = $1 and usename = 'rahnama_intake'",
            database,
        )
    finally:
        await admin.close()


async def in_the_trigger(postgres: PostgresCluster, database: str) -> None:
    """Waits until a transaction sleeps."""
    admin = await asyncpg.connect(postgres.admin_dsn)
    try:
        async with asyncio.timeout(20):
            while not await admin.fetchval(  # noqa: ASYNC110 - the server tells nobody
                "select count(*) from pg_stat_activity where datname = $1 and wait_event = 'PgSleep'",
                database,
            ):
                await asyncio.sleep(0.02)
    finally:
        await admin.close()


async def send_until_answered(intake: Intake, events: list[dict[str, object]]) -> list[dict[str, object]]:
    for _ in range(100):
        answer = await intake.post(events, BATCH)
        if answer.status_code == 202:
            results: list[dict[str, object]] = answer.json()["results"]
            return results
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"]
        await asyncio.sleep(0.1)
    raise AssertionError(f"never answered: {answer.text}")


@pytest.mark.parametrize("moment", ["before the commit", "in the commit"])
async def test_a_connection_lost_in_a_transaction_is_a_503_and_the_retry_is_exact(
    pair: Pair, postgres: PostgresCluster, moment: str
) -> None:
    intake = pair[0]
    when = "deferrable initially deferred" if moment == "in the commit" else ""
    owner = await asyncpg.connect(intake.database.owner_dsn)
    await owner.execute(SLEEPS_IN_A_TRANSACTION.format(when=when))
    events: list[dict[str, object]] = [student(number) for number in range(20)]
    sending = asyncio.create_task(intake.post(events, BATCH))
    await in_the_trigger(postgres, intake.database.name)
    await owner.execute("set lock_timeout = '5s'")
    await terminate(postgres, intake.database.name)
    answer = await sending
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == ("OUTCOME_UNKNOWN" if moment == "in the commit" else "UNAVAILABLE")
    await owner.execute("drop trigger waits on idempotency")
    await owner.close()

    results = await send_until_answered(intake, events)
    assert {result["status"] for result in results} == {"accepted"}
    again = await send_until_answered(intake, events)
    assert again == [{**result, "status": "duplicate"} for result in results]
    assert await require_dense_chain(intake) == 20


async def test_a_record_whose_transaction_was_lost_is_applied_afterwards(
    pair: Pair, postgres: PostgresCluster
) -> None:
    intake = pair[0]
    owner = await asyncpg.connect(intake.database.owner_dsn)
    await owner.execute(SLEEPS_IN_A_TRANSACTION.format(when=""))
    await intake.write_inbound(json.dumps(student(1, "inbound-1")).encode())
    await in_the_trigger(postgres, intake.database.name)
    await owner.execute("set lock_timeout = '5s'")
    await terminate(postgres, intake.database.name)
    await owner.execute("drop trigger waits on idempotency")
    await owner.close()

    await intake.write_inbound(json.dumps(student(2, "inbound-2")).encode())
    await intake.answered("inbound-2")
    assert (await intake.look_up("inbound-1")).status_code == 200
    assert await require_dense_chain(intake) == 2


async def test_connections_lost_again_and_again_lose_and_double_nothing(
    pair: Pair, postgres: PostgresCluster
) -> None:
    async def send(intake: Intake, start: int) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for first in range(start, start + 300, 10):
            found += await send_until_answered(
                intake, [student(number) for number in range(first, first + 10)]
            )
        return found

    sending = asyncio.gather(send(pair[0], 0), send(pair[1], 150))
    lost = 0
    while not sending.done() and lost < 5:
        await asyncio.sleep(0.15 + 0.3 * lost)
        await terminate(postgres, pair[0].database.name)
        lost += 1
    await sending
    assert lost > 1
    assert await require_dense_chain(pair[0]) == 450
    [row] = await pair[0].rows("select count(*) as known, count(distinct student_id) as ids from students")
    assert (row["known"], row["ids"]) == (450, 450)
