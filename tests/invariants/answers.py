"""I4 and I5: what upstream sent, what it was told, and what became of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from tests.invariants.assignments import ACTIVE
from tests.invariants.evidence import Event, Evidence, Inbound, Row, Sent, told
from tests.invariants.replayed import replay_evidence

ID_REUSED: Final = '"ID_REUSED"'
"""The code of an event whose id was used for another content: refused beside the answer that the id has."""

MOST_LISTED: Final = 100
"""Most facts about others that an answer lists one by one; of more, the last ones of each partition."""

Place = tuple[int, int]
"""Partition and sequence."""


@dataclass(frozen=True)
class Outcomes:
    """What intake keeps: answers by key, facts, and rejections by causation id; how many by the place of the record;
    of each rejection its causation id."""

    answers: Mapping[bytes, Row]
    places: Mapping[str, set[Place]]
    facts: Mapping[Place, Event]
    rejections: Mapping[str, Sequence[Row]]
    refused_at: Counter[Place]
    causes: Mapping[str, str]


@lru_cache(maxsize=1)
def outcomes(evidence: Evidence) -> Outcomes:
    """Raises `AssertionError` when a key was answered twice."""
    answers: dict[bytes, Row] = {}
    for row in evidence.intake["idempotency"]:
        assert row["key"] not in answers, f"the event of key {row['key'].hex()} was answered twice"
        answers[row["key"]] = row
    places: dict[str, set[Place]] = {}
    facts: dict[Place, Event] = {}
    for fact in told(evidence).all_facts:
        places.setdefault(fact.causation_id, set()).add((fact.partition, fact.sequence))
        facts[fact.partition, fact.sequence] = fact
    rejections: dict[str, list[Row]] = {}
    for row in evidence.intake["rejections"]:
        rejections.setdefault(row["causation_id"], []).append(row)
    refused_at = Counter(
        (row["inbound_partition"], row["inbound_offset"]) for row in evidence.intake["rejections"]
    )
    causes = {str(row["rejection_id"]): row["causation_id"] for row in evidence.intake["rejections"]}
    return Outcomes(answers, places, facts, rejections, refused_at, causes)


def i4_every_event_has_one_outcome(evidence: Evidence) -> None:
    """I4: an accepted event has its facts and their students one outcome; a refused one exactly one rejection."""
    kept = outcomes(evidence)
    for sent in evidence.sent:
        assert sent.key in kept.answers, f"{sent.causation_id} ({sent.subject}) was never answered"
    for record in evidence.inbound:
        _require_settled(record, kept, most=1 + evidence.inbound_made_anew)
    causes = {sent.key: sent.causation_id for sent in evidence.sent}
    for key, row in kept.answers.items():
        _require_outcome(causes.get(key, key.hex()), row, kept)
    accepted = {
        causes.get(key, key.hex()) for key, row in kept.answers.items() if row["status"] == "accepted"
    }
    erasures = {fact.causation_id for fact in told(evidence).all_facts if fact.kind == "student.erased"}
    strange = kept.places.keys() - accepted - erasures
    assert not strange, (
        f"the facts of {len(strange)} causes are of no accepted event, for example {min(strange)}"
    )
    _require_rejections_told(evidence)
    _require_students_decided(evidence)


def _require_settled(record: Inbound, kept: Outcomes, *, most: int) -> None:
    if record.key is not None and record.key in kept.answers:
        return
    where = f"rahnama.inbound {record.partition}, offset {record.offset}"
    found = kept.refused_at[record.partition, record.offset]
    assert 1 <= found <= most, f"{where} was not answered as an event, and has {found} rejections"


def _require_outcome(causation_id: str, row: Row, kept: Outcomes) -> None:
    places, caused = set(_places(row)), kept.places.get(causation_id, set())
    others = {place for place in caused if kept.facts[place].subject != row["subject"]}
    assert places <= caused if len(others) > MOST_LISTED else places == caused, (
        f"{causation_id} was answered {places or 'without facts'}; its facts are {caused}"
    )
    assert caused - others <= places, f"{causation_id} was not told of all facts about its subject"
    assert len(others) == (row.get("reissued") or 0), (
        f"{causation_id} has {len(others)} facts about others; it was told of {row.get('reissued')}"
    )
    assert bool(places) == (row["status"] == "accepted"), (
        f"{causation_id} is {row['status']} and has the facts {places}"
    )
    named = {str(row["rejection_id"])} - {"None"}
    for name in named:  # where the source is not the tenant's, its causation id is not its key
        causation_id = kept.causes.get(name, causation_id)
    found = [
        str(rejection["rejection_id"])
        for rejection in kept.rejections.get(causation_id, ())
        if ID_REUSED not in rejection["errors"]
    ]
    assert sorted(named) == found, (
        f"{causation_id} is {row['status']} and names the rejection {named}; it has {found}"
    )
    assert bool(named) == (row["status"] == "rejected"), (
        f"{causation_id} is {row['status']} and names {named}"
    )


def _require_rejections_told(evidence: Evidence) -> None:
    """Each rejection is on its topic; a repeat is the same event."""
    rejected = Counter(str(row["rejection_id"]) for row in evidence.intake["rejections"])
    twice = [rejection for rejection, times in rejected.items() if times > 1]
    assert not twice, f"the rejection {twice[:1]} is kept twice"
    published: dict[str, bytes] = {}
    for value in evidence.rejected:
        rejection = msgspec.json.decode(value)["id"]
        assert published.setdefault(rejection, value) == value, f"rejection {rejection} was told otherwise"
    differing = published.keys() ^ rejected.keys()
    assert not differing, (
        f"{len(differing)} rejections are not both kept and told, for example {min(differing)}"
    )


def _require_students_decided(evidence: Evidence) -> None:
    """Whom the facts enrol has a mentor or waits, once; and nobody else does."""
    replayed = replay_evidence(evidence)
    replayed.require_none("I4")
    active = Counter(
        (row["tenant"], row["gender"], row["year"], str(row["student_id"]))
        for row in evidence.allocation["enrolments"]
        if row["status"] in ACTIVE
    )
    lost, strange = replayed.students.keys() - active.keys(), active.keys() - replayed.students.keys()
    assert not lost, f"{len(lost)} students have no outcome, for example {min(lost)}"
    assert not strange, (
        f"{len(strange)} outcomes are of nobody whom intake enrolled, for example {min(strange)}"
    )
    for student, times in active.items():
        assert times == 1, f"{student} has {times} outcomes"
    pools = Counter((tenant, year, student_id) for tenant, _, year, student_id in replayed.students)
    for person, times in pools.items():
        assert times == 1, f"{person} is enrolled in {times} pools"


def i5_what_was_answered_accepted_is_in_the_log(evidence: Evidence) -> None:
    """I5: the facts that an answer named stand where it said, for its event; and every answer said the same."""
    kept = outcomes(evidence)
    for sent in evidence.sent:
        told_first: set[Place] | None = None
        for answer in sent.answers:
            if answer["status"] not in ("accepted", "duplicate"):
                continue
            assert answer["causation_id"] == sent.causation_id, f"{sent.causation_id} was answered {answer}"
            places = {(place["partition"], place["sequence"]) for place in answer["facts"]}
            if answer["status"] == "accepted":
                assert places, f"{sent.causation_id} was accepted without a fact"
            assert told_first in (None, places), (
                f"{sent.causation_id} was told {told_first}, and later {places}"
            )
            told_first = places
            for place in places:
                fact = kept.facts.get(place)
                assert fact is not None, (
                    f"{sent.causation_id} was accepted at {place}, where the log holds nothing"
                )
                assert fact.causation_id == sent.causation_id, (
                    f"{sent.causation_id} was accepted at {place}, where {fact.causation_id} stands"
                )
    for answer in evidence.erased:
        for place in answer["facts"]:
            fact = kept.facts.get((place["partition"], place["sequence"]))
            subject = f"student/{answer['student_id']}"
            assert fact is not None, f"the erasure of {subject} was accepted at {place}, and is not there"
            assert (fact.kind, fact.subject) == ("student.erased", subject), (
                f"the erasure of {subject} was accepted at {place}, where {fact.id} stands"
            )


def first_version(sent: Sent, kept: Outcomes) -> int | None:
    """The version of its subject that an accepted event made; None when it made none."""
    row = kept.answers.get(sent.key)
    if row is None or row["status"] != "accepted":
        return None
    own = [kept.facts[place] for place in _places(row) if place in kept.facts]
    versions = [fact.data["version"] for fact in own if fact.subject == row["subject"]]
    return max(versions, default=None)


def _places(row: Row) -> list[Place]:
    facts: list[dict[str, Any]] = msgspec.json.decode(row["facts"])
    return [(place["partition"], place["sequence"]) for place in facts]
