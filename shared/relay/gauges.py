"""How far a relay is behind its log, told at each scrape from memory."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from shared.append.log import Log
from shared.contracts.envelope import decode
from shared.relay.backlog import Backlog
from shared.relay.metrics import BACKLOG, BACKLOG_AGE, FOREIGN, GATE_OPEN, LEADS, REFILLS, RESTARTS
from shared.relay.partition_relay import PartitionRelay
from shared.telemetry.metrics import Values


class RelayGauges:
    """`published` gives the last acknowledged sequence of each partition, `led` how many this instance publishes,
    `foreign` how many of these hold a foreign record.
    """

    def __init__(
        self,
        log: Log,
        partitions: Sequence[PartitionRelay],
        backlog: Backlog,
        published: Callable[[], Mapping[int, int]],
        led: Callable[[], int],
        foreign: Callable[[], int],
    ) -> None:
        self._labels = {"source": log.source}
        self._log = log
        self._partitions = partitions
        self._backlog = backlog
        self._published = published
        self._led = led
        self._foreign = foreign
        self._behind_since: dict[int, float] = {}

    def start(self) -> None:
        """Tells from now on; what may never happen is told as 0."""
        BACKLOG.watch(self.backlog)
        BACKLOG_AGE.watch(self.age)
        LEADS.watch(self.leads)
        GATE_OPEN.watch(self.gate)
        FOREIGN.watch(self.foreign)
        REFILLS.add(0, self._labels)
        RESTARTS.add(0, self._labels)

    def stop(self) -> None:
        """Tells no more."""
        BACKLOG.forget(self.backlog)
        BACKLOG_AGE.forget(self.age)
        LEADS.forget(self.leads)
        GATE_OPEN.forget(self.gate)
        FOREIGN.forget(self.foreign)

    def backlog(self) -> Values:
        """Events of all partitions, those that others publish too."""
        published = self._published()
        behind = sum(max(0, part.head - published.get(part.number, 0)) for part in self._partitions)
        return [(behind, self._labels)]

    def age(self) -> Values:
        """Of the oldest event in any partition. What is not in memory is as old as its partition is behind."""
        published = self._published()
        now = time.time()
        ages = [self._age(part, published.get(part.number, 0), now) for part in self._partitions]
        return [(max(ages, default=0.0), self._labels)]

    def leads(self) -> Values:
        """Partitions."""
        return [(self._led(), self._labels)]

    def foreign(self) -> Values:
        """Partitions."""
        return [(self._foreign(), self._labels)]

    def gate(self) -> Values:
        """Whether appends pass."""
        return [(float(self._log.gate.is_open), self._labels)]

    def _age(self, part: PartitionRelay, published: int, now: float) -> float:
        if part.head <= published:
            self._behind_since.pop(part.number, None)
            return 0.0
        since = self._behind_since.setdefault(part.number, now)
        oldest = self._backlog.oldest(part.number, published)
        if oldest is not None:
            since = datetime.fromisoformat(decode(oldest.value).time).timestamp()
        return max(0.0, now - since)
