"""What must hold in the end: the invariants, over the tables and topics in memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from services.intake.crypto.digests import event_keys
from tests.invariants.every import violations
from tests.invariants.evidence import TABLES, Evidence, History, Inbound, Kept, Personal
from tests.simulation.installation import SOURCES, Installation
from tests.simulation.upstream import INBOUND, Upstream

SAME_BYTES: Final = ("log", "ledger")
"""Their events are compared with those on the topics, byte for byte."""
UNREADABLE: Final = (msgspec.DecodeError, KeyError, TypeError)


def evidence_of(
    installation: Installation, upstream: Upstream, keyring: Any, numbers: Iterable[bytes], made_anew: int
) -> Evidence:
    """All that there is."""
    tables = {service: _tables(installation, service) for service in installation.databases}
    return Evidence(
        facts=_history(installation, "intake"),
        decisions=_history(installation, "allocation"),
        intake=tables["intake"],
        allocation=tables["allocation"],
        audit=tables["audit"],
        sent=upstream.sent(keyring),
        inbound=list(_inbound(installation, keyring)),
        inbound_made_anew=made_anew,
        erased=upstream.erased,
        rejected=[
            record.value or b""
            for log in installation.broker.topics["rahnama.rejections"]
            for record in log.records
        ],
        personal=Personal(numbers=frozenset(numbers), written=list(_written(installation))),
    )


def broken(evidence: Evidence) -> list[str]:
    """Every invariant that does not hold."""
    return [str(violation) for violation in violations(evidence)]


def _tables(installation: Installation, service: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    tables = installation.databases[service].tables
    return {name: list(tables[name].values()) for name in TABLES[service]}


def _history(installation: Installation, source: str) -> History:
    ledger = [
        row for row in installation.databases["audit"].tables["ledger"].values() if row["source"] == source
    ]
    topic = installation.broker.topics.get(f"rahnama.{source}", [])
    return History(
        source,
        log=_kept(installation.databases[source].tables["log"].values()),
        topic={log.number: [record.value or b"" for record in log.records] for log in topic},
        ledger=_kept(ledger),
    )


def _kept(rows: Iterable[Mapping[str, Any]]) -> dict[int, list[Kept]]:
    found: dict[int, list[Kept]] = {}
    for row in sorted(rows, key=lambda row: (int(row["partition"]), int(row["sequence"]))):
        kept = Kept(row["sequence"], row["value"], row["hash"], row["type"], row["tenant"], row["subject"])
        found.setdefault(row["partition"], []).append(kept)
    return found


def _inbound(installation: Installation, keyring: Any) -> Iterable[Inbound]:
    for log in installation.broker.topics[INBOUND]:
        for record in log.records:
            key = None
            try:
                document = msgspec.json.decode(record.value or b"")
                source, event_id = document["source"], document["id"]
                tenant = SOURCES.get(source, "")
                allowed, refused = event_keys(keyring.tenant(tenant).mac, source, event_id)
                key = allowed if tenant else refused
            except UNREADABLE:
                pass
            yield Inbound(log.number, record.offset, key)


def _written(installation: Installation) -> Iterable[tuple[str, bytes]]:
    """In one piece: it is looked through for numbers as a whole, and no number reaches over two lines."""
    pieces: list[bytes] = []
    for name, logs in installation.broker.topics.items():
        if name != INBOUND:
            pieces += [
                part for log in logs for record in log.records for part in (record.key, record.value) if part
            ]
    for database in installation.databases.values():
        for table, rows in database.tables.items():
            if table not in SAME_BYTES:
                for row in rows.values():
                    cells = row.values()
                    pieces += [cell for cell in cells if type(cell) is bytes]
                    pieces += [cell.encode() for cell in cells if type(cell) is str]
    yield "a topic or a table", b"\n".join(pieces)
