"""How much slower than at its best the machine runs: its cores share their silicon with others, and no counter tells.

A process of its own takes the CPU time of a fixed piece of plain Python again and again. While neighbours compute,
it takes up to twice as long, although nothing is "stolen". What our own load does to the other core does not show.
"""

import subprocess
import sys
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
FIRST_SECONDS: Final = 15.0
"""So long nothing else is done: full speed must be known before anything is compared with it."""
FIRST_EVERY_SECONDS: Final = 0.05
BEST_SHARE: Final = 0.05


@dataclass(slots=True)
class Pace:
    """CPU seconds of the piece, each with the moment (monotonic) when it was taken; in the order of time."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    def slowdown(self, begun: float, ended: float) -> float | None:
        """Mean of the samples between two moments over the best ones so far; 1.0 is full speed."""
        between = [cost for at, cost in self.samples if begun <= at <= ended]
        return round(mean(between) / best([cost for _, cost in self.samples]), 3) if between else None


PACE: Final = Pace()
"""Of this machine; `watched` fills it."""


def best(costs: Sequence[float]) -> float:
    """The cost that a twentieth of them did not exceed: the very best ones may be luck of the clock."""
    return sorted(costs)[int(len(costs) * BEST_SHARE)]


@contextmanager
def watched() -> Iterator[None]:
    """Fills `PACE` until the end of the block."""
    with subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout
        assert output is not None

        def read() -> None:
            for line in output:
                at, cost = line.split()
                PACE.samples.append((float(at), float(cost)))

        reader = threading.Thread(target=read, name="pace", daemon=True)
        reader.start()
        try:
            time.sleep(FIRST_SECONDS)
            yield
        finally:
            process.terminate()
            reader.join()


def main() -> None:
    """Prints the moment and the cost, line by line, until it is terminated."""
    begun = time.monotonic()
    while True:
        _piece(WARM_STEPS)
        cost = _piece(STEPS)
        print(time.monotonic(), cost, flush=True)
        time.sleep(FIRST_EVERY_SECONDS if time.monotonic() - begun < FIRST_SECONDS else EVERY_SECONDS)


def _piece(steps: int) -> float:
    begun, found = time.thread_time(), {}
    for number in range(steps):
        found[number % 1024] = sha256(str(number).encode()).digest()
    return time.thread_time() - begun


if __name__ == "__main__":
    main()
