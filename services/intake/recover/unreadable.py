"""Records on `rahnama.keys` and `rahnama.rejections` that intake did not write: the plan lists them, nothing uses them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.kafka.clients import Record

LISTED: Final = 20
"""So many are listed; all are counted."""


@dataclass(slots=True)
class Unreadable:
    """How many there are, and a line for each of the first 20, without the content."""

    count: int = 0
    listed: list[str] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """One more."""
        self.count += 1
        if len(self.listed) < LISTED:
            digest = hashlib.sha256(record.value or b"").hexdigest()
            self.listed.append(
                f"offset {record.offset} of partition {record.partition} of {record.topic}"
                f" is not readable (SHA-256 of its value: {digest})"
            )

    def lines(self) -> Iterator[str]:
        """For the operator, before the question."""
        for one in self.listed:
            yield f"would skip: {one}"
        if self.count > len(self.listed):
            yield f"would skip: {self.count - len(self.listed)} more unreadable records"
