"""What audit holds of one (source, partition), for tests that change it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from services.audit.decide.chains import (
    LedgerRow,
    LedgerWalk,
    TopicWalk,
    event_time,
    read_topic,
    walk_ledger,
    walk_topic,
)
from services.audit.decide.findings import Difference, TreeFinding
from services.audit.decide.heads import TreeHead, diagnose
from services.audit.decide.trees import grow, pack
from shared.contracts.envelope import NO_HASH, decode, leaf_hash
from tests.chains import Chain

T = TypeVar("T")


def events(count: int, source: str = "intake", partition: int = 4) -> list[bytes]:
    chain = Chain(source, partition)
    return [chain.add("rahnama.intake.any.v1", "mentor/1", b'{"n":%d}' % number) for number in range(count)]


def row(value: bytes) -> LedgerRow:
    event = decode(value)
    return LedgerRow(
        int(event.sequence),
        value,
        leaf_hash(value),
        event.type,
        event.tenant,
        event.subject,
        event_time(event),
    )


@dataclass
class Kept:
    """What audit holds of one (source, partition), valid until a test changes it."""

    values: list[bytes]
    rows: list[LedgerRow] = field(init=False)
    topic: list[bytes] = field(init=False)
    head: TreeHead = field(init=False)

    def __post_init__(self) -> None:
        self.rows = [row(value) for value in self.values]
        self.topic = list(self.values)
        hashes = [leaf_hash(value) for value in self.values]
        size, last = len(hashes), hashes[-1] if hashes else NO_HASH
        self.head = TreeHead("intake", 4, size, last, size, pack(grow((), 0, hashes)), size)

    def put(self, sequence: int, value: bytes) -> None:
        """Other bytes with their own hash, as one who may write everything would."""
        self.rows[sequence - 1] = self.rows[sequence - 1]._replace(value=value, hash=leaf_hash(value))

    def judged(self, step: int = 3) -> tuple[TreeFinding, Difference | None]:
        """Walked in batches of `step`, as a verification does."""
        limit = self.head.sequence
        ledger = LedgerWalk(self.head.chain)
        rows = [one for one in self.rows if one.sequence <= limit]
        for batch in batches(rows, step):
            if ledger.fault is None:
                ledger = walk_ledger(ledger.chain, batch)
        kept = {one.sequence: one.hash for one in self.rows}
        topic, newest = TopicWalk(self.head.chain), limit
        for values in batches(self.topic, step):
            records = read_topic(values)
            newest = max(newest, *(record.sequence for record in records))
            if topic.fault is None:
                topic = walk_topic(topic, records, kept, limit)
        return diagnose(self.head, ledger, topic, newest - limit)


def batches(items: Sequence[T], step: int) -> list[Sequence[T]]:
    return [items[start : start + step] for start in range(0, len(items), step)]
