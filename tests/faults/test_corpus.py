"""The corpus of poison is what it says: nothing of it is an event, and reading it as evidence breaks nothing."""

from datetime import UTC, datetime
from types import SimpleNamespace

from services.intake.append.inbound import InboundRecord
from services.intake.crypto.sealing import Keyring
from services.intake.inbox.receive import Receiver
from tests.faults.corpus import CORPUS
from tests.faults.proxied_system import TENANTS
from tests.invariants.reading import Servers, event_key


def test_hardly_any_poison_can_be_told_by_an_id() -> None:
    servers = Servers({}, "", master_key=bytes(32), tenants=TENANTS)
    keys = [
        event_key(servers, SimpleNamespace(headers=headers or [], value=value))
        for value, _, headers in CORPUS
    ]
    assert len(CORPUS) > 80
    assert 0 < sum(key is not None for key in keys) < 10


def test_no_two_records_of_the_corpus_are_the_same_event_so_that_each_has_a_rejection_of_its_own() -> None:
    receiver = Receiver(
        Keyring(bytes(32)), TENANTS, lambda: datetime(2026, 11, 28, tzinfo=UTC), event_bytes=65_536
    )
    digests = []
    for value, _, headers in CORPUS:
        [arrival] = receiver.from_kafka(0, InboundRecord(0, 0, value, headers or []))
        assert arrival.command is None
        if arrival.key is not None:
            digests.append((arrival.key, arrival.digest))
    assert len(digests) == len(set(digests)) > 0
