"""One leader per partition, which loses it with its session; and two by mistake do no harm."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.append.log import Log
from tests.deadlines import until
from tests.integration.relay.harness import RelayHarness, sequences, until_published

ENDS_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where application_name = 'rahnama-intake-relay' and datname = current_database()"
)
COUNTS_LEADERS = (
    "select count(distinct pid) from pg_locks where locktype = 'advisory' and database ="
    " (select oid from pg_database where datname = current_database())"
)


async def test_of_two_relays_one_leads_and_no_event_is_published_twice(harness: RelayHarness) -> None:
    async with harness.running() as one, harness.running(log=Log("intake", topic=harness.topic)) as two:
        for relay in (one, two) * 5:
            await harness.append(50, relay=relay)
        await until_published(one, 500)
        assert await harness.pool.fetchval(COUNTS_LEADERS) == 1
        assert sequences(await harness.values()) == list(range(1, 501))
        await until(lambda: two.published()[0] == 500)


async def test_another_instance_goes_on_where_the_leader_stopped(harness: RelayHarness) -> None:
    async with harness.running(log=Log("intake", topic=harness.topic)) as two:
        async with harness.running() as one:
            await harness.append(20, relay=two)
            await until_published(one, 20)
        await harness.append_before_start(20)
        await until_published(two, 40)
        assert sequences(await harness.values()) == list(range(1, 41))


async def test_a_terminated_session_ends_leadership_and_closes_the_gate_until_the_next_look(
    harness: RelayHarness,
) -> None:
    async with harness.running() as relay:
        await harness.append(10, relay=relay)
        await until_published(relay, 10)
        await harness.pool.fetch(ENDS_SESSIONS)
        await until(lambda: "the database connection was lost" in (relay.ready() or ""), seconds=2)
        await until(lambda: relay.ready() is None)
        await harness.append(10, relay=relay)
        await until_published(relay, 20)
        assert sequences(await harness.values()) == list(range(1, 21))


STOPPABLE = """
import asyncio, sys
from shared.append.log import Log
from shared.kafka.aio_clients import AioKafkaClients
from shared.postgres import connector, open_pool
from shared.relay.relay import Relay

async def main(dsn, bootstrap, topic):
    pool = await open_pool(dsn, application="stoppable", size=2)
    log = Log("intake", topic=topic)
    relay = Relay(log, pool, connector(dsn), AioKafkaClients(bootstrap), 2, heartbeat_seconds=0.2, idle_seconds=1.0)
    await relay.start()
    print("started", flush=True)
    while not relay._leadership.held:
        await asyncio.sleep(0.01)
    print("leads", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print("held", sorted(relay._leadership.held), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await relay.stop()
    await pool.close()

asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def process(harness: RelayHarness) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another instance, as a process of its own."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STOPPABLE, harness.database.dsn, harness.bootstrap, harness.topic,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def heard(child: asyncio.subprocess.Process, word: bytes) -> bytes:
    """The next line that begins with `word`; log lines are passed over."""
    assert child.stdout is not None
    async with asyncio.timeout(20):
        while not (line := await child.stdout.readline()).startswith(word):
            assert line, "it ended"
    return line


async def test_a_stopped_process_loses_its_partitions_and_knows_it_when_it_goes_on(
    harness: RelayHarness,
) -> None:
    async with process(harness) as child:
        assert child.stdin is not None
        await heard(child, b"leads")
        async with harness.running() as relay:
            await harness.append(5, relay=relay)
            await until_published(relay, 5)
            child.send_signal(signal.SIGSTOP)
            child.stdin.write(b"\n")
            await harness.append(5, relay=relay)
            await until_published(relay, 10, seconds=5)
            child.send_signal(signal.SIGCONT)
            assert await heard(child, b"held") == b"held []\n"
            child.stdin.write(b"\n")
            await child.wait()
            assert sequences(await harness.values()) == list(range(1, 11))
