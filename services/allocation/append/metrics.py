"""What was decided, and how many wait."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from services.allocation.decide import PartitionState
from shared.append.log import Appended
from shared.telemetry.metrics import Observed, Values, counter

DECISIONS: Final = counter(
    "rahnama.allocation.decisions", "{decision}", "Decisions that were committed, by their type."
)
WAITLIST: Final = Observed(
    "rahnama.allocation.waitlist.students", "{student}", "Students who wait for a mentor, by tenant."
)


def count_decisions(appended: Sequence[Appended]) -> None:
    """Adds one transaction's."""
    for kind, decisions in Counter(event.type for event in appended).items():
        DECISIONS.add(decisions, {"type": kind})


class WaitlistGauge:
    """Tells at each scrape who waits, from the states of the partitions that are read here."""

    def __init__(self, states: Callable[[], Iterable[PartitionState]]) -> None:
        self._states = states

    async def start(self) -> None:
        """Tells from now on."""
        WAITLIST.watch(self.waiting)

    async def stop(self) -> None:
        """Tells no more."""
        WAITLIST.forget(self.waiting)

    def waiting(self) -> Values:
        """Students by tenant."""
        tally = Counter[str]()
        for state in self._states():
            for tenant, pool in state.pools.items():
                tally[tenant] += len(pool.waitlist)
        return [(students, {"tenant": tenant}) for tenant, students in tally.items()]
