"""The chain of one (source, partition), checked event by event: in the ledger, and again on the topic.

Both walks are pure steps over batches, so that a history of any length is checked in bounded memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.audit.decide.findings import Difference, Where
from services.audit.decide.trees import CompactRange, grow
from shared.contracts.envelope import NO_HASH, SEQUENCE_DIGITS, Envelope, decode, event_id, leaf_hash


class LedgerRow(NamedTuple):
    """A row of the ledger, with the columns that repeat what stands in the event."""

    sequence: int
    value: bytes
    hash: bytes
    type: str
    tenant: str
    subject: str
    time: datetime | None


class TopicRecord(NamedTuple):
    """A record of the topic: its hash, and what its bytes say; `sequence` 0 when they are no event."""

    sequence: int
    hash: bytes
    envelope: Envelope | None


@dataclass(frozen=True, slots=True)
class Chain:
    """How far a chain was walked: the events so far, the last one's hash, and the compact range of their tree."""

    source: str
    partition: int
    size: int = 0
    last: bytes = NO_HASH
    compact_range: CompactRange = ()

    def after(self, hashes: Sequence[bytes]) -> "Chain":
        """The chain with these events more."""
        if not hashes:
            return self
        compact_range = grow(self.compact_range, self.size, hashes)
        return Chain(self.source, self.partition, self.size + len(hashes), hashes[-1], compact_range)

    def differs(
        self, where: Where, sequence: int, message: str, expected: str | None = None, found: str | None = None
    ) -> Difference:
        """A difference in this chain."""
        return Difference(self.source, self.partition, sequence, where, expected, found, message)


class LedgerWalk(NamedTuple):
    """How far the ledger was walked, and what ended the walk."""

    chain: Chain
    fault: Difference | None = None


class Unlike(NamedTuple):
    """The first sequence at which ledger and topic hold different records, with their hashes."""

    sequence: int
    ledger: bytes
    topic: bytes


class TopicWalk(NamedTuple):
    """How far the topic was walked, where it first was unlike the ledger, and what ended the walk."""

    chain: Chain
    unlike: Unlike | None = None
    fault: Difference | None = None


def walk_ledger(chain: Chain, rows: Sequence[LedgerRow]) -> LedgerWalk:
    """Goes over the next rows of the ledger, by sequence; stops before the first that is not what it must be."""
    hashes: list[bytes] = []
    last, sequence, fault = chain.last, chain.size, None
    for row in rows:
        sequence += 1
        digest = leaf_hash(row.value)
        if row.sequence != sequence:
            message = "the ledger has no such record"
            fault = chain.differs("ledger", sequence, message, str(sequence), str(row.sequence))
        elif digest != row.hash:
            message = "the bytes of the record do not have the hash that is kept with them"
            fault = chain.differs("ledger", sequence, message, row.hash.hex(), digest.hex())
        else:
            envelope = _envelope(row.value)
            fault = _misplaced(chain, "ledger", sequence, last, envelope) or _mislabelled(
                chain, row, envelope
            )
        if fault is not None:
            break
        hashes.append(digest)
        last = digest
    return LedgerWalk(chain.after(hashes), fault)


def read_topic(values: Sequence[bytes]) -> list[TopicRecord]:
    """What the next values of the topic say."""
    records = []
    for value in values:
        envelope = _envelope(value)
        digits = "" if envelope is None else envelope.sequence
        known = len(digits) == SEQUENCE_DIGITS and digits.isascii() and digits.isdigit()
        sequence = int(digits) if known else 0
        records.append(TopicRecord(sequence, leaf_hash(value), envelope if sequence else None))
    return records


def walk_topic(
    walk: TopicWalk, records: Sequence[TopicRecord], kept: Mapping[int, bytes], limit: int
) -> TopicWalk:
    """Goes over the next records of the topic; stops before the first that is not what it must be.

    `kept` are the ledger's hashes by sequence, of the records up to `limit`, the last that was applied. What
    stands beyond it is not judged. A repeat must be equal to the first. The topic's own chain is walked on
    beyond a record that is another one in the ledger: whether it ends at the stored root tells which is right.
    """
    chain, unlike, fault = walk.chain, walk.unlike, None
    hashes: list[bytes] = []
    last, size = chain.last, chain.size
    for sequence, digest, envelope in records:
        if size == limit and (sequence > limit or envelope is None):
            continue
        if sequence == size + 1 or envelope is None:
            fault = _misplaced(chain, "topic", size + 1, last, envelope)
        elif sequence > size:
            message = "the topic goes on without this record"
            fault = chain.differs("topic", size + 1, message, str(size + 1), str(sequence))
        same = kept.get(sequence, digest) == digest
        if fault is None and not same and (unlike is None or unlike.sequence > sequence):
            if sequence > size:
                unlike = Unlike(sequence, kept[sequence], digest)
            else:
                message = "the topic holds two different records of one sequence"
                fault = chain.differs("topic", sequence, message, kept[sequence].hex(), digest.hex())
        if fault is not None:
            break
        if sequence > size:
            hashes.append(digest)
            last, size = digest, sequence
    return TopicWalk(chain.after(hashes), unlike, fault)


def event_time(envelope: Envelope) -> datetime | None:
    """The event's time; None when it is not one."""
    try:
        return datetime.fromisoformat(envelope.time)
    except ValueError:
        return None


def _envelope(value: bytes) -> Envelope | None:
    try:
        return decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _misplaced(
    chain: Chain, where: Where, sequence: int, last: bytes, envelope: Envelope | None
) -> Difference | None:
    if envelope is None:
        return chain.differs(where, sequence, "the bytes of the record are no event")
    place = event_id(chain.source, chain.partition, sequence)
    if envelope.id != place or envelope.sequence != place[-16:]:
        return chain.differs(where, sequence, "the event was written for another place")
    if envelope.previous != last.hex():
        message = "the event does not follow the one before it"
        return chain.differs(where, sequence, message, last.hex(), envelope.previous[:64])
    return None


def _mislabelled(chain: Chain, row: LedgerRow, envelope: Envelope | None) -> Difference | None:
    if envelope is None:
        return None
    if (envelope.type, envelope.tenant, envelope.subject) == (row.type, row.tenant, row.subject) and (
        event_time(envelope) == row.time
    ):
        return None
    message = "type, tenant, subject or time beside the event are not those in it"
    return chain.differs("ledger", row.sequence, message)
