"""How long a consumer lets records gather before it polls again: a trickle is applied in batches, too."""

from typing import Final

FEW_RECORDS: Final = 50
SEVERAL_RECORDS: Final = 4
GATHER_SECONDS: Final = 0.04
LONGEST_GATHER_SECONDS: Final = 0.2


class Trickle:
    """Asked after each poll that found something. What comes to an idle consumer never waits."""

    def __init__(self, most_records: int) -> None:
        self._few = min(FEW_RECORDS, most_records)
        self._seconds = GATHER_SECONDS

    def pause_after(self, records: int) -> float:
        """Seconds from this poll to the next: none after many records, and ever more while several come each time.

        One or two at a time, as a single student makes them on its way, wait for the shortest pause only.
        """
        if records >= self._few:
            self._seconds = GATHER_SECONDS
            return 0.0
        if records >= SEVERAL_RECORDS:
            self._seconds = min(2 * self._seconds, LONGEST_GATHER_SECONDS)
        else:
            self._seconds = GATHER_SECONDS
        return self._seconds
