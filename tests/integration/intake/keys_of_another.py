"""Another instance's relay of keys, on the database and the topics of the one that runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.intake.crypto.key_record import FreshKeys
from services.intake.relay.keys import KeyRecords
from shared.kafka.aio_clients import AioKafkaClients
from shared.postgres import Pool, open_pool
from tests.integration.intake.harness import Intake

TOPIC = "rahnama.keys"


@asynccontextmanager
async def connected(intake: Intake) -> AsyncIterator[Pool]:
    """Another process's connections."""
    pool = await open_pool(intake.database.dsn, application="another", size=2)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def key_records(intake: Intake, pool: Pool, fresh_keys: FreshKeys) -> AsyncIterator[KeyRecords]:
    """Its records; `fresh_keys` are those that it has in memory."""
    records = KeyRecords(
        pool,
        intake.keyring,
        fresh_keys,
        kafka=AioKafkaClients(intake.topics.bootstrap),
        topic=intake.topics.name(TOPIC),
        partitions=intake.topics.partitions,
    )
    try:
        yield records
    finally:
        await records.stop()
