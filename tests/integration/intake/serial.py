"""Whether what concurrent senders were told and what the log holds is what some serial order of their events makes.

Each sender's events keep their order; the facts of each partition keep theirs. What is left is searched, one
interleaving after the other, on a model that takes the events one by one. Since the facts are known, everything that a
set of events has led to is the same in whichever order they came: no set is looked at twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from services.intake.append.idempotency import Place, Result
from tests.integration.intake.harness import Event
from tests.integration.intake.sequential import MENTOR_FIELDS, STUDENT_FIELDS, Tenant, Told

SHOWN: Final[Mapping[str, Sequence[str]]] = {
    "student.registered": ("year", *STUDENT_FIELDS, "student_type"),
    "student.withdrawn": ("year", "reason"),
    "mentor.registered": (*MENTOR_FIELDS, "manager_centers"),
    "manager.registered": ("is_active", "centers"),
    "school-roster.published": ("school_codes",),
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Observed:
    """One event of a sender, its answer, and its facts as the log has them, by partition."""

    event: Event
    result: Result
    facts: Mapping[int, Sequence[tuple[int, Told]]]

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return str(self.event["source"]).rpartition("/")[2]

    @property
    def kind(self) -> str:
        """Without prefix and version."""
        return str(self.event["type"]).removeprefix("rahnama.").removesuffix(".v1")


Answered = Sequence[tuple[Event, Result]]


def observe(senders: Sequence[Answered], log: Sequence[Row]) -> list[list[Observed]]:
    """Puts the facts of the log to the events that led to them, and checks that every answer lists exactly those."""
    names = {
        (event["source"].rpartition("/")[2], result.subject): event["data"]["national_id"]
        for answered in senders
        for event, result in answered
        if result.subject is not None and result.subject.startswith("student/")
    }
    caused: dict[str, dict[int, list[tuple[int, Told]]]] = {}
    for row in log:
        fact = _told(row, names)
        caused.setdefault(row["causation_id"], {}).setdefault(row["partition"], []).append(
            (row["sequence"], fact)
        )
    times = {row["causation_id"]: set[object]() for row in log}
    for row in log:
        times[row["causation_id"]].add(msgspec.json.decode(row["value"])["data"]["occurred_at"])
    found = []
    for answered in senders:
        sender = []
        for event, result in answered:
            facts = caused.get(result.causation_id, {})
            _require_answer(result, log)
            assert times.get(result.causation_id, {event["time"]}) == {event["time"]}
            sender.append(Observed(event, result, facts))
        found.append(sender)
    return found


def _require_answer(result: Result, log: Sequence[Row]) -> None:
    """Own facts in the order of their versions, then all others; as many as the log has under this cause."""
    rows = [row for row in log if row["causation_id"] == result.causation_id]
    assert {Place(row["partition"], row["sequence"]) for row in rows} == set(result.facts), result
    assert len(result.facts) == len(rows)
    by_place = {Place(row["partition"], row["sequence"]): row for row in rows}
    subjects = [by_place[place]["subject"] == result.subject for place in result.facts]
    assert subjects == sorted(subjects, reverse=True), "own facts come first"
    assert (result.reissued or 0) == subjects.count(False)
    own = [
        by_place[place]["version"] for place in result.facts if by_place[place]["subject"] == result.subject
    ]
    assert own == sorted(own)


def _told(row: Row, names: Mapping[tuple[str, str], str]) -> Told:
    event = msgspec.json.decode(row["value"])
    kind = event["type"].removeprefix("rahnama.intake.").removesuffix(".v1")
    data = event["data"]
    shown = {key: tuple(data[key]) if isinstance(data[key], list) else data[key] for key in SHOWN[kind]}
    subject = names.get((row["tenant"], row["subject"]), row["subject"])
    return Told(data.get("gender", 0), kind, subject, data["version"], tuple(sorted(shown.items())))


def serial_order(senders: Sequence[Sequence[Observed]]) -> list[Observed]:
    """An order in which the events, one by one, lead to all that was seen. Raises `AssertionError` if there is none."""
    search = _Search(senders)
    order = search.run()
    assert order is not None, search.explain()
    return order


@dataclass
class _Node:
    places: tuple[int, ...]
    tenants: dict[str, Tenant]
    heads: dict[int, int]
    seen: frozenset[str]
    order: list[Observed]


class _Search:
    def __init__(self, senders: Sequence[Sequence[Observed]]) -> None:
        self._senders = senders
        self._deepest = 0
        self._stuck: list[str] = []

    def run(self) -> list[Observed] | None:
        first: dict[int, int] = {}
        for sender in self._senders:
            for item in sender:
                for partition, facts in item.facts.items():
                    lowest = min(sequence for sequence, _ in facts)
                    first[partition] = min(first.get(partition, lowest), lowest)
        start = _Node((0,) * len(self._senders), {}, first, frozenset(), [])
        waiting, known = [start], {start.places}
        while waiting:
            node = waiting.pop()
            if all(place == len(sender) for place, sender in zip(node.places, self._senders, strict=True)):
                return node.order
            stuck = []
            for following, problem in self._following(node):
                if following is None:
                    stuck.append(problem)
                elif following.places not in known:
                    known.add(following.places)
                    waiting.append(following)
            if len(node.order) >= self._deepest:
                self._deepest, self._stuck = len(node.order), stuck
        return None

    def explain(self) -> str:
        """Where the longest attempt ended."""
        return f"no serial order goes beyond {self._deepest} events:\n" + "\n".join(self._stuck)

    def _following(self, node: _Node) -> Iterator[tuple[_Node | None, str]]:
        for number, sender in enumerate(self._senders):
            place = node.places[number]
            if place == len(sender):
                continue
            item = sender[place]
            places = (*node.places[:number], place + 1, *node.places[number + 1 :])
            name = f"{item.tenant}/{item.event['id']}"
            if item.result.status == "duplicate":
                if name in node.seen:
                    yield _Node(places, node.tenants, node.heads, node.seen, [*node.order, item]), ""
                else:
                    yield None, f"{name} is a duplicate of nothing"
                continue
            tenant = node.tenants.get(item.tenant, Tenant()).copy()
            status, facts = tenant.apply(item.kind, item.event["data"])
            heads = dict(node.heads)
            problem = _mismatch(item, status, facts, heads)
            if problem:
                yield None, f"{name}: {problem}"
                continue
            tenants = {**node.tenants, item.tenant: tenant}
            yield _Node(places, tenants, heads, node.seen | {name}, [*node.order, item]), ""


def _mismatch(item: Observed, status: str, facts: Sequence[Told], heads: dict[int, int]) -> str:
    if status != item.result.status:
        return f"answered {item.result.status}, and would be {status}"
    expected: dict[int, list[Told]] = {}
    for fact in facts:
        expected.setdefault(fact.gender, []).append(fact)
    seen = {partition % 2: [fact for _, fact in kept] for partition, kept in item.facts.items()}
    if expected != seen:
        return f"led to {seen}, and would lead to {expected}"
    for partition, kept in item.facts.items():
        for sequence, _ in kept:
            if sequence != heads[partition]:
                return f"its fact stands at {partition}:{sequence}, and {heads[partition]} is next"
            heads[partition] += 1
    return ""
