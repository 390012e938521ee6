"""Whether bytes keep moving on a connection. Time is passed in, in seconds of one clock."""


class Progress:
    """Bytes must move at `bytes_per_second` on average over windows of at most `seconds`.

    A window ends, and the next one begins, as soon as enough has moved for its length. What moved before it does not
    count: who was fast at first may not be silent later. A window as long as `seconds` bridges what networks deliver
    in lumps.
    """

    __slots__ = ("_bytes_per_second", "_moved", "_seconds", "_since")

    def __init__(self, bytes_per_second: int, seconds: float, now: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._seconds = seconds
        self._since = now
        self._moved = 0

    def restart(self, now: float, moved: int) -> None:
        """Begins a window at `now`; `moved` is a count that grows by each byte that moves."""
        self._since, self._moved = now, moved

    def exclude(self, seconds: float) -> None:
        """Leaves out time in which nothing could move."""
        self._since += seconds

    def is_stalled(self, now: float, moved: int) -> bool:
        """Whether too little has moved for too long."""
        elapsed = now - self._since
        if moved - self._moved >= self._bytes_per_second * elapsed:
            self.restart(now, moved)
            return False
        return elapsed > self._seconds
