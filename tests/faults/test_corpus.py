"""The corpus of poison is what it says: nothing of it is an event, and reading it as evidence breaks nothing."""

from types import SimpleNamespace

from tests.faults.bed import TENANTS
from tests.faults.corpus import CORPUS
from tests.invariants.reading import Servers, event_key


def test_hardly_any_poison_can_be_told_by_an_id() -> None:
    servers = Servers({}, "", master_key=bytes(32), tenants=TENANTS)
    keys = [
        event_key(servers, SimpleNamespace(headers=headers or [], value=value))
        for value, _, headers in CORPUS
    ]
    assert len(CORPUS) > 80
    assert 0 < sum(key is not None for key in keys) < 10
