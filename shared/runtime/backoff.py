"""How long to wait before the next attempt."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential: `first` seconds after the first failure, twice as long after each further one, at most `longest`."""

    first: float
    longest: float
    failures: int = 0

    @property
    def seconds(self) -> float:
        """Before the next attempt; 0 after no failure."""
        if self.failures == 0:
            return 0.0
        return min(self.first * 2.0 ** min(self.failures - 1, 60), self.longest)

    def failed(self) -> "Backoff":
        """After one more failure."""
        return replace(self, failures=self.failures + 1)

    def succeeded(self) -> "Backoff":
        """After none."""
        return replace(self, failures=0)
