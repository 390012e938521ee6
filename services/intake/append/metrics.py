"""How many events came in by which door, and what became of them."""

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import Counter

from services.intake.append.arrival import Arrival
from services.intake.append.result import Result

EVENTS: Final = Counter(
    "rahnama_intake_events", "Events that were answered, after their commit.", ["door", "status"]
)


def count_answers(arrivals: Iterable[Arrival], results: Sequence[Result]) -> None:
    """Adds one batch, each event by its door and the status of its answer."""
    tally = Tally((arrival.door, result.status) for arrival, result in zip(arrivals, results, strict=True))
    for (door, status), events in tally.items():
        EVENTS.labels(door, status).inc(events)
