"""A sampled event's last span is audit's; the ledger keeps the context as it came."""

from pathlib import Path

import pytest

from tests.integration.audit.running import PARTITIONS, history, running_audit
from tests.otlp import running_collector
from tests.servers import MakesDatabases, MakesTopics

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("source", ["intake", "allocation"])
async def test_only_sampled_events_get_a_span_that_is_a_child_of_the_one_that_appended_them(
    make_databases: MakesDatabases,
    topics: MakesTopics,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
) -> None:
    database, made = (await make_databases()).audit, await topics(partitions=PARTITIONS)
    chain = history(source, 1, 4)
    with running_collector(monkeypatch) as collector:
        async with running_audit(database, made, tmp_path) as audit:
            await audit.publish(chain, chain.values[:1], f"00-{'1' * 32}-{PARENT}-00")
            await audit.publish(chain, chain.values[1:2], f"00-{TRACE}-{PARENT}-01")
            await audit.publish(chain, chain.values[2:3], "not a traceparent")
            await audit.publish(chain, chain.values[3:])
            await audit.reach(chain)
            kept = await audit.owner.fetch("select traceparent from ledger order by sequence")
        [span] = [span for span in collector.spans() if "messaging.message.id" in span.attributes]
        [batch] = [span for span in collector.spans() if span.name.startswith("poll")]
    assert [row["traceparent"] for row in kept] == [
        f"00-{'1' * 32}-{PARENT}-00",
        f"00-{TRACE}-{PARENT}-01",
        "not a traceparent",
        None,
    ]
    assert (span.service, span.name, span.trace_id, span.parent_id) == (
        "audit",
        f"process {made.name(f'rahnama.{source}')}",
        TRACE,
        PARENT,
    )
    assert span.attributes["messaging.message.id"] == f"{source}-01-0000000000000002"
    assert span.attributes["messaging.destination.name"] == made.name(f"rahnama.{source}")
    assert not span.failed
    assert list(batch.links) == [(TRACE, PARENT)]
