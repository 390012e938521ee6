"""How much slower than at its best the machine runs: virtual cores share their silicon with others, and no counter tells.

A thread takes the CPU time of a fixed piece of plain Python again and again. While neighbours compute, it takes up to
twice as long, although nothing is "stolen". What our own load does to the other core does not show in it.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from statistics import mean
from typing import Final

EVERY_SECONDS: Final = 0.4
WARM_STEPS: Final = 1_000
"""Not counted: they bring back into the caches what others have driven out."""
STEPS: Final = 4_000
FIRST_SAMPLES: Final = 50
BEST_SHARE: Final = 0.05


@dataclass(slots=True)
class Pace:
    """CPU seconds of the piece, each with the moment when it was taken; in the order of time."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    def take(self) -> None:
        """One more."""
        _piece(WARM_STEPS)
        self.samples.append((time.monotonic(), _piece(STEPS)))

    def slowdown(self, begun: float, ended: float) -> float | None:
        """Mean of the samples between two moments over the best ones ever taken; 1.0 is full speed."""
        between = [cost for at, cost in self.samples if begun <= at <= ended]
        return round(mean(between) / best([cost for _, cost in self.samples]), 3) if between else None


PACE: Final = Pace()
"""Of this process; `watched` fills it."""


def best(costs: Sequence[float]) -> float:
    """The cost that a twentieth of them did not exceed: the very best ones may be luck of the clock."""
    return sorted(costs)[int(len(costs) * BEST_SHARE)]


@contextmanager
def watched() -> Iterator[None]:
    """Takes samples until the end of the block, from a thread; begins with many, to know full speed."""
    for _ in range(FIRST_SAMPLES):
        PACE.take()
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(EVERY_SECONDS):
            PACE.take()

    thread = threading.Thread(target=go_on, name="pace", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _piece(steps: int) -> float:
    begun, found = time.thread_time(), {}
    for number in range(steps):
        found[number % 1024] = sha256(str(number).encode()).digest()
    return time.thread_time() - begun
