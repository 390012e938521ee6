"""How a consumer group polls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Polling:
    """`batch_records` bounds a poll, and so a transaction."""

    batch_records: int = 2000
    poll_seconds: float = 0.2
    session_timeout_seconds: float = 6.0
    read_committed: bool = False

    @property
    def wait_milliseconds(self) -> int:
        """The longest wait of one poll."""
        return max(1, int(self.poll_seconds * 1000))
