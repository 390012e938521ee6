"""What upstream has sent, and every answer that it got: the invariants compare both with what became of it."""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.demo.cohort import SOURCE, Event
from tests.invariants.evidence import Sent
from tests.invariants.reading import idempotency_key

TENANT = "default"


class SentEvents:
    """Events by their ids, in the order in which each was sent first. Of the demo's source alone."""

    def __init__(self) -> None:
        self._answers: dict[str, list[dict[str, Any]]] = {}
        self._subjects: dict[str, str] = {}

    def add(self, events: Iterable[Event]) -> None:
        """They are on their way, perhaps again."""
        for event in events:
            if event.get("source") == SOURCE:
                self._answers.setdefault(event["id"], [])

    def in_order(self, event: Event, subject: str) -> None:
        """`event` was sent after everything else on `subject` was answered, or stands behind it on one partition."""
        self._subjects[event["id"]] = subject

    def answered(self, events: Sequence[Event], results: Sequence[dict[str, Any]]) -> None:
        """Intake's results, in the order of the events."""
        for event, result in zip(events, results, strict=True):
            if event["id"] in self._answers:
                self._answers[event["id"]].append(result)

    def evidence(self, master_key: bytes) -> list[Sent]:
        """All of it."""
        found = []
        for event_id, answers in self._answers.items():
            key = idempotency_key(master_key, TENANT, SOURCE, event_id)
            found.append(Sent(key, key.hex(), self._subjects.get(event_id), answers))
        return found
