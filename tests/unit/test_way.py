"""How many files one student enters in each service: a change that adds to the way is seen, and argued for."""

from typing import Final

import pytest

from tests.way import TASKS, counts, follow, part

MOST: Final = {
    "intake": {"service": 18, "shared": 4},
    "allocation": {"service": 12, "shared": 10},
    "audit": {"service": 5, "shared": 7},
    "relay": {"service": 4, "shared": 5},
}
"""Lower these with the way."""


@pytest.fixture(scope="module")
def ways() -> dict[str, list[str]]:
    """By part, the functions of one student's way."""
    calls = follow()
    assert {name: counts(calls)[name] for name in MOST} == MOST
    return {name: [f"{call.file}: {call.function}" for call in part(calls, name)] for name in TASKS}


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("intake", "services/intake/decide/student_registered.py: decide"),
        ("intake", "shared/append/log.py: Log.append"),
        ("intake", "services/intake/project/facts.py: project_students"),
        ("allocation", "services/allocation/decide/decisions.py: place"),
        ("allocation", "shared/append/log.py: Log.append"),
        ("allocation", "services/allocation/project/write.py: write_changes"),
        ("audit", "services/audit/project/ledger.py: keep"),
        ("relay", "shared/relay/producer.py: BatchProducer.send"),
    ],
)
def test_the_way_leads_through_what_makes_it(ways: dict[str, list[str]], name: str, function: str) -> None:
    assert function in ways[name]
