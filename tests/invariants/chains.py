"""I6: three places, one history; hashes, chains and trees computed here with nothing of the product's code."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from tests.invariants.evidence import NO_HASH, Evidence, History, Kept, Row
from tests.invariants.log_tables import decoded, require_ends, require_heads, require_log

HASH_BYTES: Final = 32
READERS: Final[Mapping[str, Sequence[str]]] = {"allocation": ("intake",), "audit": ("intake", "allocation")}
"""Which logs each service reads."""


def i6_chained_and_the_same_everywhere(evidence: Evidence) -> None:
    """I6: sequences dense, hashes chained, bytes equal in log, topic and ledger, trees equal, positions at their ends."""
    for history in evidence.histories:
        for partition in sorted({*history.log, *history.topic, *history.ledger}):
            _require_one_history(history, partition)
    for history, tables in ((evidence.facts, evidence.intake), (evidence.decisions, evidence.allocation)):
        require_log(history.source, tables["log"], history.log)
        require_heads(history.source, tables["log_head"], history.log)
        for row in tables["log_published"]:
            last = len(history.log.get(row["partition"], ()))
            assert row["sequence"] <= last, (
                f"{history.source}, partition {row['partition']}: {row['sequence']} published of {last}"
            )
    logs = {history.source: history.log for history in evidence.histories}
    for service, sources in READERS.items():
        for source in sources:
            rows = [row for row in getattr(evidence, service)["inbox"] if row["source"] == source]
            require_ends(f"{service}'s position in {source}", rows, logs[source])
    for row in evidence.allocation["inbox_hashes"]:
        _require_hashes(row, logs[row["source"]].get(row["partition"], ()))
    trees = {(row["source"], row["partition"]): row for row in evidence.audit["trees"]}
    for source, log in logs.items():
        for partition in sorted({*log, *(place for of, place in trees if of == source)}):
            where = f"the tree of {source}, partition {partition}"
            _require_tree(where, trees.get((source, partition)), log.get(partition, ()))


def _require_one_history(history: History, partition: int) -> None:
    where = f"{history.source}, partition {partition}"
    log, ledger = history.log.get(partition, ()), history.ledger.get(partition, ())
    for name, events in (("log", log), ("ledger", ledger)):
        _require_chain(history.source, partition, [kept.value for kept in events], f"the {name} of {where}")
    topic = first_occurrences(f"the topic of {where}", history.topic.get(partition, ()))
    _require_chain(history.source, partition, topic, f"the topic of {where}")
    sizes = {"log": len(log), "topic": len(topic), "ledger": len(ledger)}
    assert len(set(sizes.values())) == 1, f"{where}: {sizes}"
    for kept, published, recorded in zip(log, topic, ledger, strict=True):
        place = f"{where}, sequence {kept.sequence}"
        assert kept.value == published, f"{place}: the topic differs from the log"
        assert kept.value == recorded.value, f"{place}: the ledger differs from the log"
        for name, row in (("log", kept), ("ledger", recorded)):
            _require_columns(f"{place}, in the {name}", row)


def _require_columns(where: str, row: Kept) -> None:
    event = decoded(row.value)
    assert row.hash == leaf_hash(row.value), f"{where}: a wrong hash"
    assert row.sequence == int(event["sequence"]), f"{where}: a wrong sequence"
    for column in ("type", "tenant", "subject"):
        assert getattr(row, column) == event[column], f"{where}: a wrong {column}"


def _require_hashes(row: Row, log: Sequence[Kept]) -> None:
    """Allocation compares an event that comes again with them."""
    last, count = row["last"], len(row["hashes"]) // HASH_BYTES
    applied = b"".join(kept.hash for kept in log[last - count : last])
    what = f"allocation's hashes of {row['source']}, partition {row['partition']}, up to {last}"
    assert 0 < count <= last <= len(log), f"{what} are {count}; the log has {len(log)} events"
    assert row["hashes"] == applied, f"{what} are not the log's"


def _require_tree(where: str, row: Row | None, events: Sequence[Kept]) -> None:
    assert row is not None, f"{where} is missing"
    assert row["size"] == len(events), f"{where} has {row['size']} leaves; there are {len(events)} events"
    leaves = [leaf_hash(event.value) for event in events]
    edge, start = b"", 0
    for power in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> power & 1:
            edge += tree_hash(leaves[start : start + (1 << power)])
            start += 1 << power
    assert row["edge"] == edge, f"{where} is not the one of its {len(events)} events"


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, of leaves whose number is a power of two and whose hashes these are."""
    while len(leaves) > 1:
        leaves = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(leaves[::2], leaves[1::2], strict=True)
        ]
    return leaves[0]


def first_occurrences(where: str, values: Sequence[bytes]) -> list[bytes]:
    """A topic's events without repeats. A repeat must be the same event; nothing may be missing before the next."""
    kept: list[bytes] = []
    for value in values:
        sequence = int(decoded(value)["sequence"])
        assert 1 <= sequence <= len(kept) + 1, f"{where}: sequence {sequence} follows {len(kept)}"
        if sequence == len(kept) + 1:
            kept.append(value)
        else:
            assert kept[sequence - 1] == value, f"{where}: sequence {sequence} is there twice, and differs"
    return kept


def _require_chain(source: str, partition: int, values: Sequence[bytes], where: str) -> None:
    previous, time = NO_HASH.hex(), ""
    for sequence, value in enumerate(values, 1):
        event = decoded(value)
        expected = f"{source}-{partition:02d}-{sequence:016d}"
        assert event["id"] == expected, f"{where}: {event['id']} stands where {expected} should"
        assert event["sequence"] == f"{sequence:016d}", (
            f"{where}: {expected} has the sequence {event['sequence']}"
        )
        assert event["previous"] == previous, f"{where}: {expected} does not continue the event before it"
        assert event["time"] >= time, f"{where}: {expected} is older than the event before it"
        previous, time = leaf_hash(value).hex(), event["time"]


def leaf_hash(value: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x00" + value).digest()
