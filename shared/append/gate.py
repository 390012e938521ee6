"""The gate of a log: closed until the log was compared with its topic, and whenever the two disagree."""

from shared.errors import GateClosed


class Gate:
    """Closed at first. The relay's look opens or closes it; every append asks it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.reason: str | None = "the log was not compared with its topic yet"

    @property
    def is_open(self) -> bool:
        """Whether the log may grow."""
        return self.reason is None

    def open(self) -> None:
        """Lets the log grow."""
        self.reason = None

    def close(self, reason: str) -> None:
        """Stops appends; `reason` is what operators read."""
        self.reason = reason

    def require_open(self) -> None:
        """Raises `GateClosed` with the reason when the log may not grow."""
        if self.reason is not None:
            raise GateClosed(f"the log of {self._source} is closed: {self.reason}")
