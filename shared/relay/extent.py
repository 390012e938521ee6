"""What was seen of a topic partition: single records, its first and last, and what a read brought."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """A record on the topic. `sequence` is None if it is no event of the log that belongs here."""

    offset: int
    sequence: int | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """A partition of the topic: offsets `begin` <= o < `end`; `first` and `last` are None if it holds no record.

    `inner` are the first and the last event of the log between them, where they are foreign records themselves.
    `highest` is the record with the highest sequence, where it was read and may be another one than `last`.
    """

    begin: int
    end: int
    first: TopicRecord | None
    last: TopicRecord | None
    highest: TopicRecord | None = None
    inner: tuple[TopicRecord | None, TopicRecord | None] = (None, None)

    @property
    def oldest(self) -> TopicRecord | None:
        """The first event of the log."""
        return self.first if self.first is not None and self.first.sequence is not None else self.inner[0]

    @property
    def newest(self) -> TopicRecord | None:
        """The last event of the log."""
        return self.last if self.last is not None and self.last.sequence is not None else self.inner[1]


@dataclass(frozen=True, slots=True)
class FetchedRecords:
    """Records that were read, and the offset behind them. Markers of transactions have offsets too, but are no records."""

    records: list[TopicRecord]
    next_offset: int


class UnreadableRecord(Exception):
    """The record behind `piece` cannot be read, however often it is fetched."""

    def __init__(self, piece: FetchedRecords) -> None:
        super().__init__(f"the record at offset {piece.next_offset} cannot be read")
        self.piece = piece

    @property
    def seen(self) -> TopicRecord:
        """As a record without a hash."""
        return TopicRecord(self.piece.next_offset, None, b"")
