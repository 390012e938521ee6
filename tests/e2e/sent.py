"""What upstream has sent, and every answer that it got: the invariants compare both with what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from infra.demo.cohort import SOURCE, Event
from tests.invariants.evidence import Sent
from tests.invariants.reading import idempotency_key

ONE_TENANT: Final = {SOURCE: "default"}

Identity = tuple[str, str]
"""Source and id."""


class SentEvents:
    """Events by source and id, in the order in which each was sent first. `tenants` says whose each source is."""

    def __init__(self, tenants: Mapping[str, str] = ONE_TENANT) -> None:
        self._tenants = tenants
        self._answers: dict[Identity, list[dict[str, Any]]] = {}
        self._subjects: dict[Identity, str] = {}
        self._known: dict[str, str] = {}

    def add(self, events: Iterable[Event]) -> None:
        """They are on their way, perhaps again. Those of a source that is nobody's are not kept."""
        for event in events:
            if event.get("source") in self._tenants:
                self._answers.setdefault((event["source"], event["id"]), [])

    def in_order(self, event: Event, subject: str) -> None:
        """`event` was sent after everything else on `subject` was answered, or stands behind it on one partition."""
        self._subjects[event["source"], event["id"]] = subject

    def forget_order(self, events: Iterable[Event]) -> None:
        """These may be sent again, later than what was sent after them."""
        for event in events:
            self._subjects.pop((event["source"], event["id"]), None)

    def answered(self, events: Sequence[Event], results: Sequence[dict[str, Any]]) -> None:
        """Intake's results, in the order of the events."""
        for event, result in zip(events, results, strict=True):
            answers = self._answers.get((event["source"], event["id"]))
            if answers is not None:
                answers.append(result)
                if (subject := self._subjects.get((event["source"], event["id"]))) and result["subject"]:
                    self._known[subject] = result["subject"]

    def known_as(self, subject: str) -> str | None:
        """What intake calls one of upstream's subjects: `student/<uuid>`."""
        return self._known.get(subject)

    def evidence(self, master_key: bytes) -> list[Sent]:
        """All of it."""
        found = []
        for (source, event_id), answers in self._answers.items():
            key = idempotency_key(master_key, self._tenants[source], source, event_id)
            found.append(Sent(key, key.hex(), self._subjects.get((source, event_id)), answers))
        return found
