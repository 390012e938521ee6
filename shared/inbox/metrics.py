"""What Prometheus sees of the inbox. Nothing here costs anything per record."""

from collections.abc import Iterable
from typing import Final

from shared.telemetry.metrics import RECORDS, SECONDS, Labels, Observed, counter, histogram

HELD: Final = Observed(
    "rahnama.inbox.held", "", "1 while a partition cannot go on and a person must look, else 0."
)
AHEAD: Final = Observed(
    "rahnama.inbox.ahead", "", "1 while a position is beyond the end of its topic, else 0."
)
LAG_RECORDS: Final = Observed(
    "rahnama.inbox.lag.records", "{record}", "Records on the topic that are not applied yet."
)
LAG_TIME: Final = Observed(
    "rahnama.inbox.lag.time", "s", "For how long the oldest record that is not applied has been on the topic."
)
FOREIGN_MEMBERS: Final = Observed(
    "rahnama.inbox.foreign.members",
    "",
    "Members of the consumer group that are not instances of the service.",
)
UNCONSUMED: Final = Observed(
    "rahnama.inbox.unconsumed.partitions", "", "Partitions that no instance of the service consumes."
)
TOPIC_MISSING: Final = Observed(
    "rahnama.inbox.topic.missing", "", "1 while the topic does not exist, else 0."
)
RECREATED: Final = counter(
    "rahnama.inbox.topics.recreated", "{topic}", "Missing topics that the service created again."
)
SKIPPED: Final = counter(
    "rahnama.inbox.skipped.records", "{record}", "Offsets that were deleted before they were applied."
)
APPLIED: Final = counter("rahnama.inbox.applied.records", "{record}", "Records that were applied.")
RETRIES: Final = counter(
    "rahnama.inbox.retries", "{retry}", "Times that a partition was taken back to be tried again."
)
BATCH: Final = histogram("rahnama.inbox.batch.records", "{record}", "Records of one poll.", RECORDS)
CONSUMED: Final = counter(
    "messaging.client.consumed.messages", "{message}", "Records that a poll brought, repeats included."
)
DURATION: Final = histogram(
    "messaging.process.duration", "s", "Duration of one batch's transaction.", SECONDS
)


class ConsumerMetrics:
    """One consumer group's, by the semantic conventions."""

    def __init__(self, group: str) -> None:
        self._group: Labels = {"messaging.consumer.group.name": group}
        self._labels: dict[tuple[str, str, str | None], Labels] = {}

    def received(self, counts: Iterable[tuple[str, int]]) -> None:
        """A poll brought so many records of each topic."""
        records = 0
        for topic, count in counts:
            CONSUMED.add(count, self._of("poll", topic, None))
            records += count
        BATCH.record(records, self._group)

    def processed(self, topics: Iterable[str], seconds: float, error: Exception | None) -> None:
        """A transaction over these topics' records was committed, or failed."""
        kind = None if error is None else type(error).__name__
        for topic in topics:
            DURATION.record(seconds, self._of("process", topic, kind))

    def _of(self, operation: str, topic: str, error: str | None) -> Labels:
        key = (operation, topic, error)
        found = self._labels.get(key)
        if found is None:
            labels: dict[str, str | int] = {
                **self._group,
                "messaging.system": "kafka",
                "messaging.operation.name": operation,
                "messaging.destination.name": topic,
            }
            if error is not None:
                labels["error.type"] = error
            found = self._labels[key] = labels
        return found
