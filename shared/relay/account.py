"""Which offsets of a topic partition are accounted for. Pure.

The leader knows the offset of each batch that was acknowledged to it. An offset below the topic's end that no
acknowledgement covers was written by somebody else, or by a batch whose acknowledgement was lost: it has to be read.
"""

from typing import Final

MOST_RANGES: Final = 256
"""Acknowledged ranges beyond a gap. A range that is dropped is read, which costs time and changes no result."""


class Account:
    """Of one partition. Every offset below `reached` is accounted for; None: no look has found the end yet."""

    def __init__(self) -> None:
        self.reached: int | None = None
        self.sending = False
        """Whether a batch is in flight: the next unknown offsets may be its own."""
        self._beyond: list[tuple[int, int]] = []

    def forget(self) -> None:
        """Others may have led the partition: their records are the read-through's to compare."""
        self.reached = None
        self._beyond.clear()

    def look(self, begin: int, end: int) -> None:
        """The partition holds the offsets `begin` <= o < `end`. Fewer than before: it was made again, or lost its end."""
        if self.reached is None or self.reached > end:
            self.reached = end
            self._beyond.clear()
        self.compared(begin)

    def acknowledged(self, first: int, count: int) -> None:
        """A batch of `count` records was written from offset `first` on."""
        if self.reached is None:
            return
        if first <= self.reached:
            self.compared(first + count)
        elif self._beyond and self._beyond[-1][1] == first:
            self._beyond[-1] = (self._beyond[-1][0], first + count)
        else:
            self._beyond.append((first, first + count))
            del self._beyond[:-MOST_RANGES]

    def compared(self, end: int) -> None:
        """Every record below `end` is accounted for."""
        if self.reached is None:
            return
        self.reached = max(self.reached, end)
        while self._beyond and self._beyond[0][0] <= self.reached:
            self.reached = max(self.reached, self._beyond.pop(0)[1])

    def unknown(self, end: int) -> tuple[int, int] | None:
        """The first range of offsets below the topic's `end` that nothing accounts for."""
        if self.reached is None or self.reached >= end:
            return None
        return self.reached, min(end, self._beyond[0][0]) if self._beyond else end
