"""The demo's cohort, once for each of several tenants, as bodies that are ready to be sent."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Final

from infra.demo.cohort import Cohort, CohortSize, Event, make_cohort

TENANTS: Final = {
    "/upstream/demo": "default",
    "/upstream/ilam": "ilam",
    "/upstream/mashhad": "mashhad",
    "/upstream/rasht": "rasht",
    "/upstream/qom": "qom",
    "/upstream/tabriz": "tabriz",
}
"""Sources and whose they are; their twelve pools lie in twelve different partitions."""
CALIBRATION_TENANTS: Final = {
    "/upstream/semnan": "semnan",
    "/upstream/shiraz": "shiraz",
    "/upstream/yazd": "yazd",
    "/upstream/karaj": "karaj",
    "/upstream/tehran": "tehran",
    "/upstream/bojnurd": "bojnurd",
}
"""As many others, likewise spread: no student of theirs can be one of a later load."""
PROBE_TENANT: Final = {"/upstream/probe": "probe"}
EVERY_TENANT: Final = {**TENANTS, **CALIBRATION_TENANTS, **PROBE_TENANT}
STUDENTS_PER_MENTOR: Final = 20
BATCH_EVENTS: Final = 500
SEED: Final = 1404

Mark = Callable[[int, Event], Event]


@dataclass(frozen=True, slots=True)
class Piece:
    """One request: whose it is, its body and how many events are in it."""

    tenant: str
    body: bytes
    events: int


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: `reference` first, in order; then `pieces`, with `students` different ones in them."""

    reference: Sequence[Piece]
    pieces: Sequence[Piece]
    students: int

    @property
    def events(self) -> int:
        """Of the pieces: students, some of them twice, again or wrong."""
        return sum(piece.events for piece in self.pieces)


def make_load(
    students: int,
    *,
    tenants: Mapping[str, str] = TENANTS,
    size: CohortSize | None = None,
    batch_events: int = BATCH_EVENTS,
    room: float = 1.0,
    seed: int = SEED,
    mark: Mark | None = None,
) -> Load:
    """So many students, shared out evenly. `size` gives the other sizes of each tenant's cohort (its mentors are then
    its own); `room` multiplies the mentors' capacities, so that fewer must wait;
    `mark` changes the students' events, told their number."""
    reference: list[list[Piece]] = []
    pieces: list[list[Piece]] = []
    for number, (source, tenant) in enumerate(tenants.items()):
        share = students // len(tenants) + (number < students % len(tenants))
        cohort = make_cohort(seed + number, _size(size, share))
        _adapt(cohort, source, seed, room)
        reference.append(list(cut(tenant, cohort.reference, BATCH_EVENTS)))
        if mark is not None:
            cohort.students = [mark(place, event) for place, event in enumerate(cohort.students)]
        pieces.append(list(cut(tenant, cohort.students, batch_events)))
    return Load(in_turn(reference), in_turn(pieces), students)


def cut(tenant: str, events: Sequence[Event], batch_events: int) -> Iterator[Piece]:
    """Bodies of `application/cloudevents-batch+json`."""
    for start in range(0, len(events), batch_events):
        batch = events[start : start + batch_events]
        yield Piece(tenant, json.dumps(batch, ensure_ascii=False).encode(), len(batch))


def in_turn(lists: Sequence[Sequence[Piece]]) -> list[Piece]:
    """The first of each, then the second of each, and so on."""
    return [piece for piece in chain.from_iterable(zip_longest(*lists)) if piece is not None]


def _size(size: CohortSize | None, students: int) -> CohortSize:
    if size is None:
        return CohortSize(students=students, mentors=max(8, students // STUDENTS_PER_MENTOR))
    return replace(size, students=students)


def _adapt(cohort: Cohort, source: str, seed: int, room: float) -> None:
    """The source's own; ids differ from those of other seeds."""
    marked = {id(event): event for event in (*cohort.reference, *cohort.students)}
    for event in marked.values():
        event["source"], event["id"] = source, f"{seed}-{event['id']}"
    for event in cohort.reference:
        if "capacity" in event["data"]:
            event["data"]["capacity"] = round(event["data"]["capacity"] * room)
