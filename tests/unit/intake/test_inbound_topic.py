"""The inbound topic is the same whether it is created at the first start or by intake."""

from infra.local.topics import TOPICS
from services.intake.inbox.kafka import TOPIC_SETTINGS


def test_intake_creates_the_topic_as_the_first_start_does() -> None:
    assert TOPICS["rahnama.inbound"] == TOPIC_SETTINGS
