"""A read of `rahnama.keys` that gave no answer is no loss of the topic: nothing is sent again."""

from pathlib import Path

from infra.local.databases import Databases
from services.intake.crypto.key_record import FreshKeys
from tests.integration.inbox.test_topic_look import kill_fetcher
from tests.integration.intake.harness import make_settings, prepare, running, student
from tests.integration.intake.keys_of_another import TOPIC, connected, key_records
from tests.integration.intake.test_keys_sent_again import watching_with
from tests.servers import MakesTopics
from tests.tokens import TestIssuer


async def test_keys_whose_anchor_could_not_be_read_are_not_sent_again(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as intake:
        for number in range(3):
            assert (await intake.send(student(number)))["status"] == "accepted"
        await intake.read_topic(TOPIC, 3)
    async with (
        connected(intake) as pool,
        key_records(intake, pool, FreshKeys()) as records,
        watching_with(intake, pool, records) as watch,
    ):
        await watch.look()
        sent = len(await intake.read_topic(TOPIC, 3))
        await kill_fetcher(watch._look)
        await watch.look()
        assert len(await intake.read_topic(TOPIC, sent)) == sent
        await watch.look()
        assert len(await intake.read_topic(TOPIC, sent)) == sent
