"""How far behind an inbox is, and what it holds back: told at each scrape, from memory."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.inbox.assigned_partitions import AssignedPartitions
from shared.inbox.metrics import AHEAD, HELD, LAG_RECORDS, LAG_TIME
from shared.inbox.topic_policy import RecordSlice
from shared.inbox.watch import LagElsewhere
from shared.telemetry.metrics import Values

L = TypeVar("L", bound=RecordSlice)


class InboxGauges(Generic[L]):
    """Of the assigned partitions; the lag also of the others. The age of what is not applied is known to a second, and never told too low."""

    def __init__(
        self, partitions: AssignedPartitions[L], elsewhere: Callable[[], list[LagElsewhere]]
    ) -> None:
        self._partitions = partitions
        self._elsewhere = elsewhere

    def start(self) -> None:
        """Tells from now on."""
        HELD.watch(self.held)
        AHEAD.watch(self.ahead)
        LAG_RECORDS.watch(self.lag_records)
        LAG_TIME.watch(self.lag_time)

    def stop(self) -> None:
        """Tells no more."""
        HELD.forget(self.held)
        AHEAD.forget(self.ahead)
        LAG_RECORDS.forget(self.lag_records)
        LAG_TIME.forget(self.lag_time)

    def held(self) -> Values:
        """1 for each partition that cannot go on, 0 for the others."""
        return [(float(assigned.held is not None), assigned.labels) for assigned in self._partitions]

    def ahead(self) -> Values:
        """1 for each partition whose position is beyond the end of its topic, 0 for the others."""
        return [(float(assigned.ahead_of is not None), assigned.labels) for assigned in self._partitions]

    def lag_records(self) -> Values:
        """How many records of each partition are not applied."""
        return [(assigned.lag(), assigned.labels) for assigned in self._partitions] + [
            (lag.records, {"source": lag.source, "partition": lag.partition}) for lag in self._elsewhere()
        ]

    def lag_time(self) -> Values:
        """For how many seconds the oldest of them has waited."""
        now = time.time()
        return [(assigned.lag_seconds(now), assigned.labels) for assigned in self._partitions] + [
            (lag.seconds, {"source": lag.source, "partition": lag.partition}) for lag in self._elsewhere()
        ]
