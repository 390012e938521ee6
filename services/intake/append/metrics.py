"""How many events came in by which door, what became of them, and how they shared their transactions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.idempotency import Result
from shared.telemetry.metrics import RECORDS, SECONDS, Observed, counter, histogram

EVENTS: Final = counter("rahnama.intake.events", "{event}", "Events that were answered, after their commit.")
REJECTIONS: Final = counter(
    "rahnama.intake.rejections", "{error}", "What rejected events were rejected for, by its code."
)
UNOWNED: Final = counter(
    "rahnama.intake.events.unowned",
    "{event}",
    "Rejected events of rahnama.inbound whose source belongs to no tenant.",
)
BATCH: Final = histogram(
    "rahnama.intake.transaction.events", "{event}", "Events that shared one transaction.", RECORDS
)
DURATION: Final = histogram(
    "rahnama.intake.transaction.duration", "s", "Duration of one transaction of the writer.", SECONDS
)
QUEUE: Final = Observed("rahnama.intake.queue.events", "{event}", "Events that wait for a transaction.")
QUEUE_LIMIT: Final = Observed(
    "rahnama.intake.queue.limit", "{event}", "As many events may wait; more are refused with 503."
)


def count_answers(arrivals: Sequence[ReceivedEvent], results: Sequence[Result], seconds: float) -> None:
    """Adds one transaction: each event by its door and the status of its answer."""
    BATCH.record(len(arrivals))
    DURATION.record(seconds)
    tally = Counter((arrival.door, result.status) for arrival, result in zip(arrivals, results, strict=True))
    for (door, status), events in tally.items():
        EVENTS.add(events, {"door": door, "status": status})
    UNOWNED.add(
        sum(not arrival.tenant for arrival in arrivals)
    )  # also 0: an alert needs the series beforehand
    if any(status == "rejected" for _, status in tally):
        for code, errors in _codes(results).items():
            REJECTIONS.add(errors, {"code": code})


def _codes(results: Iterable[Result]) -> Counter[str]:
    return Counter(
        error.code for result in results if result.status == "rejected" for error in result.errors or ()
    )
