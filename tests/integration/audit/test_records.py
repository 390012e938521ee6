"""What audit answers over REST."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from services.audit.query import records as records_module
from shared.contracts.envelope import leaf_hash
from tests.integration.audit.running import PARTITIONS, Audit, history, running_audit
from tests.sweep import sweep

if TYPE_CHECKING:
    from infra.local.databases import Databases
    from tests.servers import MakesTopics

ROUTES = {
    "GET /v1/records": {"auditor"},
    "GET /v1/records/{source}/{partition}/{sequence}": {"auditor"},
    "POST /v1/verifications": {"auditor"},
}
HIDDEN = ("event", "traceparent", "topic", "offset", "recorded_at")
FACTS = history("intake", 1, 30, tenants=("default", "default", "other"))
MORE_FACTS = history("intake", 3, 10)
DECISIONS = history("allocation", 1, 20)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept(
    module_databases: "Databases", module_topics: "MakesTopics", tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Audit]:
    """An audit service that holds the three chains."""
    topics = await module_topics(partitions=PARTITIONS)
    folder = tmp_path_factory.mktemp("keys")
    async with running_audit(module_databases.audit, topics, folder, position_wait_seconds=0.3) as audit:
        for chain in (FACTS, MORE_FACTS, DECISIONS):
            await audit.publish(chain)
        await audit.reach(FACTS, MORE_FACTS, DECISIONS)
        yield audit


async def places(audit: Audit, query: str, limit: int, tenant: str = "default") -> list[tuple[str, int, int]]:
    """Every record of a list, page after page, with the Link header followed."""
    found: list[tuple[str, int, int]] = []
    path = f"/v1/records?limit={limit}&{query}"
    for _ in range(200):
        answer = await audit.get(path, tenant=tenant)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        found += [(item["source"], item["partition"], item["sequence"]) for item in page["items"]]
        if page["next"] is None:
            assert "link" not in answer.headers
            return found
        path = answer.links["next"]["url"]
    raise AssertionError("the list does not end")


def all_of(source: str, partition: int, count: int) -> list[tuple[str, int, int]]:
    return [(source, partition, sequence) for sequence in range(1, count + 1)]


EVERYTHING = all_of("allocation", 1, 20) + all_of("intake", 1, 30) + all_of("intake", 3, 10)


@pytest.mark.parametrize("limit", [1, 7, 20, 60, 500])
async def test_pages_of_any_size_give_every_record_once_in_order(kept: Audit, limit: int) -> None:
    assert await places(kept, "", limit) == EVERYTHING


async def test_filters_by_source_partition_and_sequences(kept: Audit) -> None:
    assert await places(kept, "source=intake", 8) == EVERYTHING[20:]
    assert await places(kept, "partition=1", 8) == EVERYTHING[:50]
    assert await places(kept, "source=intake&partition=3&from=4&to=6", 2) == EVERYTHING[53:56]
    assert await places(kept, "from=28", 2) == [("intake", 1, number) for number in (28, 29, 30)]
    assert await places(kept, "partition=2", 8) == []


async def test_a_record_is_shown_with_the_exact_event_in_it(kept: Audit) -> None:
    [item] = await kept.items("/v1/records?source=intake&partition=3&from=2&to=2")
    assert item["event"] == json.loads(MORE_FACTS.values[1])
    assert item["hash"] == leaf_hash(MORE_FACTS.values[1]).hex()
    assert (item["topic"], item["offset"]) == (kept.topics.name("rahnama.intake"), 1)
    assert item["recorded_at"].endswith("Z")
    answer = await kept.get("/v1/records?source=intake&partition=3&from=2&to=2")
    assert MORE_FACTS.values[1] in answer.content


async def test_of_another_tenants_record_only_place_and_hash_are_shown(kept: Audit) -> None:
    items = await kept.items("/v1/records?source=intake&partition=1")
    for number, item in enumerate(items):
        assert item["hash"] == leaf_hash(FACTS.values[number]).hex()
        assert all((item[name] is None) == (number % 3 == 2) for name in ("event", "topic", "recorded_at"))
    items = await kept.items("/v1/records?source=intake&partition=1", tenant="other")
    assert [item["sequence"] for item in items if item["event"] is not None] == list(range(3, 31, 3))
    one = (await kept.get("/v1/records/intake/1/3")).json()
    assert all(one[name] is None for name in HIDDEN)
    assert one["hash"] == leaf_hash(FACTS.values[2]).hex()
    exact = await kept.get("/v1/records/intake/1/3", accept="application/cloudevents+json")
    assert exact.status_code == 404


async def test_by_subject_and_type_only_the_tenants_own_are_found(kept: Audit) -> None:
    def own(subject: int) -> list[tuple[str, int, int]]:
        facts = [("intake", 1, n + 1) for n in range(30) if n % 10 == subject and n % 3 != 2]
        decisions = [("allocation", 1, n + 1) for n in range(20) if n % 10 == subject]
        return decisions + facts + [("intake", 3, subject + 1)]

    for subject in range(10):
        assert await places(kept, f"subject=mentor/{subject}", 2) == own(subject)
    assert await places(kept, "subject=mentor/2", 5, tenant="other") == [
        ("intake", 1, n + 1) for n in range(30) if n % 10 == 2 and n % 3 == 2
    ]
    assert await places(kept, "subject=mentor/4&source=allocation&from=6", 5) == [("allocation", 1, 15)]
    assert await places(kept, "subject=nobody", 5) == []
    typed = [("intake", 1, n + 1) for n in range(30) if n % 3 == 1] + [
        ("intake", 3, n + 1) for n in range(10) if n % 3 == 1
    ]
    assert await places(kept, "type=rahnama.intake.unheard-of.v1", 4) == typed
    assert await places(kept, "type=rahnama.intake.unheard-of.v2&partition=1", 4) == []
    assert await places(kept, "type=rahnama.intake.unheard-of.v2&subject=mentor/2", 4) == [("intake", 3, 3)]


async def test_a_rare_type_is_looked_for_in_bounded_steps(
    kept: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "SCANNED_RECORDS", 7)
    expected = [("intake", 1, n + 1) for n in range(30) if n % 3 == 1]
    assert await places(kept, "type=rahnama.intake.unheard-of.v1&partition=1", 4) == expected


async def test_lines_are_the_exact_events(kept: Audit) -> None:
    answer = await kept.get("/v1/records?source=intake&partition=1&limit=4", accept="application/x-ndjson")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = answer.content.split(b"\n")
    assert lines[:2] == FACTS.values[:2]
    assert lines[3] == FACTS.values[3]
    assert json.loads(lines[2]) == {
        "source": "intake", "partition": 1, "sequence": 3, "hash": leaf_hash(FACTS.values[2]).hex(),
    }  # fmt: skip
    rest = await kept.get(answer.links["next"]["url"], accept="application/x-ndjson")
    assert rest.content.split(b"\n")[0] == FACTS.values[4]


async def test_the_exact_bytes_have_the_hash_that_is_shown(kept: Audit) -> None:
    exact = await kept.get("/v1/records/intake/3/7", accept="application/cloudevents+json")
    assert exact.headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
    assert exact.content == MORE_FACTS.values[6]
    shown = (await kept.get("/v1/records/intake/3/7")).json()
    assert hashlib.sha256(b"\0" + exact.content).hexdigest() == shown["hash"]


@pytest.mark.parametrize(
    "path", ["/v1/records/intake/1/31", "/v1/records/intake/9/1", "/v1/records/elsewhere/1/1"]
)
async def test_what_is_not_there_is_not_found(kept: Audit, path: str) -> None:
    answer = await kept.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=501", "LIMIT_INVALID"),
        ("from=0", "FROM_INVALID"),
        ("to=9223372036854775808", "TO_INVALID"),
        ("partition=256", "PARTITION_INVALID"),
        ("source=x", "SOURCE_INVALID"),
        ("subject=%00", "REQUEST_UNREADABLE"),
        ("cursor=x", "CURSOR_INVALID"),
        ("cursor=WzEsMiwzXQ", "CURSOR_INVALID"),
        ("min_position=intake:1", "MIN_POSITION_INVALID"),
        ("min_position=inbound:1:1", "MIN_POSITION_INVALID"),
    ],
)
async def test_a_query_that_does_not_fit_is_refused(kept: Audit, query: str, code: str) -> None:
    answer = await kept.get(f"/v1/records?{query}")
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] == code


async def test_a_read_waits_for_a_position_of_either_log(kept: Audit) -> None:
    reached = "/v1/records?min_position=intake:1:30&min_position=allocation:1:20"
    assert (await kept.get(reached)).status_code == 200
    answer = await kept.get("/v1/records?min_position=intake:1:31")
    assert (answer.status_code, answer.json()["code"]) == (503, "POSITION_NOT_REACHED")
    assert answer.headers["retry-after"]


async def test_positions_tell_how_far_both_logs_are_kept(kept: Audit) -> None:
    positions = (await kept.get("/v1/positions")).json()
    assert positions["log"] == []
    applied = {(one["source"], one["partition"]): one["applied"] for one in positions["inbox"]}
    assert len(applied) == 2 * PARTITIONS
    assert applied[("intake", 1)] == 30
    assert applied[("allocation", 1)] == 20


async def test_every_route_admits_auditors_only(audit: Audit) -> None:
    samples = {"source": "intake", "partition": "1", "sequence": "1"}
    assert await sweep(audit.app, audit.issuer, ROUTES, samples=samples) > 0
