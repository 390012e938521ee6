"""`rahnama.keys` may be lost as any topic may: facts wait for it, so it must come again by itself."""

import asyncio
from pathlib import Path

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from infra.local.databases import Databases
from shared.kafka.closing_clients import Admin
from tests.integration.intake.harness import make_settings, prepare, running, student
from tests.servers import MakesTopics
from tests.tokens import TestIssuer


async def test_a_lost_topic_of_keys_is_made_again_and_the_facts_go_on(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    name = made.name("rahnama.keys")
    admin = Admin(bootstrap_servers=made.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([name])
        while name in await admin.list_topics():  # noqa: ASYNC110  # Kafka tells nobody when it is done
            await asyncio.sleep(0.05)
        async with running(databases.intake, made, issuer, settings) as intake:
            assert (await intake.send(student(1)))["status"] == "accepted"
            [fact] = await intake.read_topic("rahnama.intake", 1)
            [key] = await intake.read_topic("rahnama.keys", 1)
            assert key.partition == fact.partition
        [described] = await admin.describe_topics([name])
        assert len(described["partitions"]) == settings.partitions
        [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        assert "compact" in str(answer)
    finally:
        await admin.close()
