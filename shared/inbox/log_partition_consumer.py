"""The rules of the internal logs: repeats are skipped, gaps searched for, forks stopped, nothing else passes.

Pure: what is admitted depends on the position and the records alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic

import msgspec

from shared.contracts.envelope import SEQUENCE_DIGITS, Envelope, decode, leaf_hash
from shared.errors import Fork, Gap, Held, Unapplicable
from shared.inbox.ahead import AheadCheck
from shared.inbox.positions import Received, S, Slice
from shared.inbox.topic_policy import Admitted, Ends, Fault, Repeat
from shared.kafka.clients import Record, Records

LOOK_AGAIN_SECONDS: Final = 30.0
AHEAD_STALLS: Final = 3
"""A topic that ends before the position for so many times `stall_seconds` is not being refilled."""


@dataclass(slots=True)
class _Search:
    """A reading from the topic's beginning up to the offset `until`, its end when the reading began.

    `farthest` is the last sequence that was passed over because those before it had not come, `passed` the offset of
    the first such; `found` tells whether the position moved.
    """

    until: int | None = None
    farthest: int = 0
    passed: int = 0
    found: bool = False


class LogPartitionConsumer(Generic[S]):
    """One partition of one log. `state` is the service's, and holds the position."""

    def __init__(self, source: str, topic: str, partition: int, state: S, *, stall_seconds: float) -> None:
        self.source = source
        self.partition = partition
        self.state = state
        self._topic = topic
        self._stall_seconds = stall_seconds
        self._source_name = f"/rahnama/{source}"
        self._id_prefix = f"{source}-{partition:02d}-"
        self._search: _Search | None = None
        self._newest = 0
        self._last_record: tuple[int, int] | None = None
        self._fine: tuple[int, int] | None = None
        self._fine_for = 0.0
        self._ahead = AheadCheck(AHEAD_STALLS * stall_seconds)

    @property
    def applied(self) -> int:
        """The last applied sequence."""
        return self.state.position.sequence

    @property
    def newest(self) -> int:
        """The last sequence on the topic, as far as it is known."""
        return max(self._newest, self.applied)

    @property
    def ahead_of(self) -> int | None:
        """The topic's last sequence, when the position has been beyond it for a while; else None."""
        return self._ahead.ends_at

    @property
    def searching(self) -> bool:
        """Whether the topic is being read again for the sequence that comes next."""
        return self._search is not None

    def search(self) -> None:
        """From now on the records come from the topic's beginning."""
        self._search = _Search()

    def applied_slice(self, done: Slice[S]) -> None:
        """Checks that the service moved the position with its state."""
        if self.state.position != done.reached:
            raise AssertionError(f"{self.source} {self.partition}: the state was not moved to {done.reached}")

    def admit(self, records: Records, end: int | None) -> Admitted[Slice[S]]:
        """The dense, chained continuation that stands in `records`; stops at the first that does not fit."""
        last, last_hash = self.state.position
        previous = last_hash.hex()
        applied = last
        accepted: list[Received] = []
        repeats: list[Repeat] = []
        fault = None
        for record in records:
            value = record.value or b""
            try:
                envelope, sequence = self._open(record, last + 1)
            except Unapplicable as held:
                fault = Fault(held, record.offset)
                break
            if sequence == last + 1:
                if envelope.previous != previous:
                    fault = self._fork(
                        sequence,
                        record.offset,
                        f"its `previous` is {envelope.previous}, but {previous} was applied at {last}",
                    )
                    break
                last, last_hash = sequence, leaf_hash(value)
                previous = last_hash.hex()
                accepted.append(Received.of(record, value, envelope, sequence, last_hash))
            elif sequence > last:
                if (fault := self._beyond(last, sequence, record.offset)) is not None:
                    break
            else:
                repeat = Repeat(record.offset, sequence, leaf_hash(value))
                if sequence == last:
                    kept = last_hash
                elif sequence > applied:
                    kept = accepted[sequence - applied - 1].hash
                else:
                    repeats.append(repeat)
                    continue
                if (fault := self.compared(repeat, kept)) is not None:
                    break
        fault = fault or self._search_ended(last, records[-1].offset, end, moved=bool(accepted))
        if fault is None and end is not None:
            self._newest = max(last, sequence + max(0, end - 1 - records[-1].offset))
        if not accepted:
            return Admitted(None, fault, repeats)
        return Admitted(self._slice(accepted), fault, repeats)

    def compared(self, repeat: Repeat, applied: bytes) -> Fault | None:
        """Another event at a sequence that was applied: one of the two histories is forged."""
        if repeat.hash == applied:
            return None
        reason = f"its hash is {repeat.hash.hex()}, but {applied.hex()} was applied at this sequence"
        return self._fork(repeat.sequence, repeat.offset, reason)

    def cut(self, admitted: Admitted[Slice[S]], fault: Fault) -> Admitted[Slice[S]]:
        """What was admitted before the offset of `fault`."""
        records = admitted.slice.records if admitted.slice is not None else ()
        before = [record for record in records if record.offset < (fault.offset or 0)]
        return Admitted(self._slice(before) if before else None, fault)

    def _slice(self, records: Sequence[Received]) -> Slice[S]:
        return Slice(self.source, self._topic, self.partition, self.state, records)

    def is_event(self, record: Record) -> bool:
        """Whether the record is an event of this log by its form and its id; the chain shows whether it is the log's."""
        try:
            self._open(record, 0)
        except Unapplicable:
            return False
        return True

    def _open(self, record: Record, expected: int) -> tuple[Envelope, int]:
        try:
            envelope = decode(record.value or b"")
        except msgspec.DecodeError:
            raise self._unapplicable(record, expected, "its bytes are no event") from None
        text = envelope.sequence
        if len(text) != SEQUENCE_DIGITS or not (text.isascii() and text.isdigit()):
            raise self._unapplicable(record, expected, f"its sequence is not {SEQUENCE_DIGITS} digits")
        if envelope.source != self._source_name or envelope.id != self._id_prefix + text:
            raise self._unapplicable(
                record, expected, f"it is not of partition {self.partition} of {self.source}"
            )
        return envelope, int(text)

    def _unapplicable(self, record: Record, expected: int, reason: str) -> Unapplicable:
        return Unapplicable(
            self.source, self.partition, expected, f"the record at offset {record.offset}: {reason}"
        )

    def _fork(self, sequence: int, offset: int, reason: str) -> Fault:
        return Fault(
            Fork(self.source, self.partition, sequence, f"the record at offset {offset}: {reason}"), offset
        )

    def _beyond(self, last: int, sequence: int, offset: int) -> Fault | None:
        """A record after the next one: what is missing is searched for from the beginning."""
        search = self._search
        if search is None:
            missing = Gap(self.source, self.partition, last + 1, f"sequence {sequence} came instead")
            return Fault(missing, offset, search=True)
        if search.farthest == 0:
            search.passed = offset
        search.farthest = max(search.farthest, sequence)
        return None

    def _search_ended(self, last: int, offset: int, end: int | None, *, moved: bool) -> Fault | None:
        """At the end of a search: once more if it found something and yet passed something over, else a gap."""
        search = self._search
        if search is None:
            return None
        search.found = search.found or moved
        if search.until is None:
            search.until = offset if end is None else self._last_offset(end)
        return None if offset < search.until else self._end_search(search, last)

    def end_search(self) -> Held | None:
        """Why a search whose records have all been admitted found nothing, also if none stood at the topic's end."""
        search = self._search
        fault = self._end_search(search, self.applied) if search is not None else None
        return fault.held if fault is not None else None

    def _end_search(self, search: _Search, last: int) -> Fault | None:
        self._search = None
        if search.farthest <= last:
            return None
        reason = f"it is not on the topic, though {search.farthest} is"
        return Fault(Gap(self.source, self.partition, last + 1, reason), search.passed, search=search.found)

    def _last_offset(self, end: int) -> int:
        """Of the last record below `end`: before it, where a look has found markers of transactions behind it."""
        if self._last_record is not None and self._last_record[0] == end:
            return self._last_record[1]
        return end - 1

    def look_at(self, ends: Ends) -> int | None:
        """The last record's offset, when the partition is quiet and the topic may hold what was not seen."""
        if ends.quiet_seconds < min(1.0, self._stall_seconds) or ends.end <= ends.begin:
            return None
        if (ends.begin, ends.end) == self._fine and ends.quiet_seconds < self._fine_for + LOOK_AGAIN_SECONDS:
            return None
        return ends.end - 1

    def looked(self, ends: Ends, record: Record | None) -> bool:
        """True when the topic goes further than the position, and yet nothing came for `stall_seconds`."""
        if record is None:
            self._ahead.looked(ends, self.applied, 0 if ends.end <= ends.begin else None)
            return False
        self._last_record = (ends.end, record.offset)
        try:
            _, self._newest = self._open(record, self.applied + 1)
        except Unapplicable:
            return ends.quiet_seconds >= self._stall_seconds
        self._ahead.looked(ends, self.applied, self._newest)
        position = self.state.position
        if self._newest == position.sequence and leaf_hash(record.value or b"") != position.hash:
            return True  # read again, it is compared as every repeat is
        if self._newest <= self.applied:
            self._fine, self._fine_for = (ends.begin, ends.end), ends.quiet_seconds
            return False
        return ends.quiet_seconds >= self._stall_seconds
