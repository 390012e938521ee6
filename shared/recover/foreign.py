"""Records on Rahnama's own topics that it did not write, or that cannot be true: the plan lists them, nothing uses them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.kafka.clients import Record

LISTED: Final = 20
"""So many are listed of each topic and reason, so that a flood of one kind hides no other; all are counted."""
UNREADABLE: Final = "is not readable"


@dataclass(slots=True)
class ForeignRecords:
    """How many there are, and a line for each of the first 20 of a topic and reason, without the content."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def add(self, record: Record, reason: str = UNREADABLE) -> None:
        """One more. `reason` is the end of "the record …"."""
        kind = record.topic, reason
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= LISTED:
            digest = hashlib.sha256(record.value or b"").hexdigest()
            self.listed.append(
                f"offset {record.offset} of partition {record.partition} of {record.topic}"
                f" {reason} (SHA-256 of its value: {digest})"
            )

    def lines(self, does: str = "would skip") -> Iterator[str]:
        """For the operator, before the question; `does` is how each line begins."""
        for one in self.listed:
            yield f"{does}: {one}"
        for (topic, reason), count in self.counts.items():
            if count > LISTED:
                yield f"{does}: {count - LISTED} more records of {topic}, each of which {reason}"

    def warning(self) -> Iterator[str]:
        """For the end, so that they are not overlooked; nothing if there are none."""
        if self.count:
            topics = ", ".join(sorted({topic for topic, _ in self.counts}))
            yield (
                f"warning: {self.count} foreign records on {topics} were skipped, listed above:"
                " find out who wrote them, and revoke that access"
            )
