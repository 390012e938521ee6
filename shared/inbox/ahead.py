"""Whether a position is beyond what its producer has published. Pure.

A consumer cannot ask the producer's database for the log's head, and must not depend on the producer's API. The topic's
end is what both know: the relay keeps it at the head. So a topic that ends before the position, and stays so, holds
less than was applied: foreign events were applied and then deleted, or the topic lost its end and nobody refills it.
"""

from dataclasses import dataclass

from shared.inbox.topic_policy import Ends


@dataclass(slots=True)
class AheadCheck:
    """`after_seconds` without a new record, because a refill or a late repeat ends lower for a while, too."""

    after_seconds: float
    ends_at: int | None = None
    """The last sequence of the topic, while the position is beyond it; else None."""
    _seen: tuple[int, int] | None = None
    _last: int = 0
    _since: float = 0.0

    def looked(self, ends: Ends, applied: int, last: int | None) -> None:
        """`last` is the sequence of the topic's last record, 0 without one, None if it was not read this time."""
        seen = (ends.begin, ends.end)
        if last is None and seen != self._seen:
            return
        if last is not None:
            if seen != self._seen or ends.quiet_seconds < self._since:
                self._since = ends.quiet_seconds
            self._seen, self._last = seen, last
        if self._last >= applied:
            self.ends_at = None
        elif ends.quiet_seconds - self._since >= self.after_seconds:
            self.ends_at = self._last
