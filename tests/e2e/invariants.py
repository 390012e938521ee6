"""What must hold of a quiet system, whatever happened to it: plain functions over raw tables and topics.

Each raises `AssertionError` with the first place where it does not hold. Hashes and chains are computed here with
nothing of the product's own code.
"""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from tests.e2e.evidence import Evidence, History
from tests.e2e.retold import StudentYear, retell

NO_HASH: Final = "0" * 64

_decode: Final = msgspec.json.decode


def everything_holds(evidence: Evidence) -> None:
    """All of them but the one on personal data, which needs to know whose."""
    dense_and_chained(evidence)
    same_bytes_everywhere(evidence)
    decisions_follow_facts(evidence)
    one_outcome_per_student(evidence)
    loads_match(evidence)
    counters_dense(evidence)


def dense_and_chained(evidence: Evidence) -> None:
    """Sequences 1, 2, 3 …, each event with the hash of the one before: in the logs, on the topics, in the ledger."""
    for history in evidence.histories:
        for place, table in (("log", history.log), ("ledger", history.ledger)):
            for partition, events in table.items():
                values = [event.value for event in events]
                _require_chain(history.source, partition, values, f"the {place} of {history.source}")
        for partition, published in history.topic.items():
            where = f"the topic of {history.source}"
            _require_chain(history.source, partition, first_occurrences(where, published), where)


def same_bytes_everywhere(evidence: Evidence) -> None:
    """Log, topic and ledger hold the same events, byte for byte, under their right hashes and types."""
    for history in evidence.histories:
        for partition in sorted({*history.log, *history.topic, *history.ledger}):
            _require_same(history, partition, f"{history.source}, partition {partition}")


def _require_same(history: History, partition: int, where: str) -> None:
    log, ledger = history.log.get(partition, ()), history.ledger.get(partition, ())
    topic = first_occurrences(f"the topic of {where}", history.topic.get(partition, ()))
    sizes = {"log": len(log), "topic": len(topic), "ledger": len(ledger)}
    assert len(set(sizes.values())) == 1, f"{where}: {sizes}"
    for kept, published, recorded in zip(log, topic, ledger, strict=True):
        place = f"{where}, sequence {kept.sequence}"
        assert kept.value == published, f"{place}: the topic differs from the log"
        assert kept.value == recorded.value, f"{place}: the ledger differs from the log"
        assert kept.hash == recorded.hash == _leaf_hash(kept.value), f"{place}: a wrong hash"
        assert kept.type == recorded.type == _decode(kept.value)["type"], f"{place}: a wrong type"


def decisions_follow_facts(evidence: Evidence) -> None:
    """A decision names a fact of its own partition as its cause and has its time; causes never go back."""
    for partition, events in evidence.decisions.log.items():
        facts = [_decode(fact.value) for fact in evidence.facts.log.get(partition, ())]
        places = {fact["id"]: place for place, fact in enumerate(facts)}
        reached = 0
        for kept in events:
            event = _decode(kept.value)
            place = places.get(event["causationid"])
            assert place is not None, (
                f"{event['id']}: its cause {event['causationid']} is no fact of its partition"
            )
            assert place >= reached, f"{event['id']} stands after a decision on a later fact"
            assert event["time"] == facts[place]["time"], f"{event['id']} has another time than its fact"
            reached = place


def one_outcome_per_student(evidence: Evidence) -> None:
    """Whom intake knows has a mentor or waits, exactly once, and as the decisions say; and nobody else does."""
    known = Counter((row["tenant"], row["year"], str(row["student_id"])) for row in evidence.student_years)
    active: dict[StudentYear, list[tuple[str, int | None]]] = {}
    for row in evidence.enrolments:
        if row["status"] in ("assigned", "waitlisted"):
            student = (row["tenant"], row["year"], str(row["student_id"]))
            active.setdefault(student, []).append((row["status"], row["mentor_id"]))
    lost, strange = known.keys() - active.keys(), active.keys() - known.keys()
    assert not lost, f"{len(lost)} students have no outcome, for example {min(lost)}"
    assert not strange, f"{len(strange)} outcomes are of nobody whom intake knows, for example {min(strange)}"
    outcomes = retell(evidence).outcomes
    for student, rows in active.items():
        assert known[student] == len(rows) == 1, f"{student} is known {known[student]} times and has {rows}"
        assert rows == [outcomes.get(student)], f"{student} has {rows}; decided was {outcomes.get(student)}"


def loads_match(evidence: Evidence) -> None:
    """A mentor's load is the number of its students: as stored, as counted, and as the decisions tell."""
    stored = Counter(
        {(row["tenant"], row["year"], row["mentor_id"]): row["load"] for row in evidence.mentor_loads}
    )
    counted = Counter(
        (row["tenant"], row["year"], row["mentor_id"])
        for row in evidence.enrolments
        if row["status"] == "assigned"
    )
    told = retell(evidence).loads
    for mentor in sorted({*stored, *counted, *told}):
        loads = (stored[mentor], counted[mentor], told[mentor])
        assert len(set(loads)) == 1, f"{mentor}: stored, counted and decided are {loads}"


def counters_dense(evidence: Evidence) -> None:
    """Per tenant, year and gender 0001, 0002 … in the order of the decisions; one owner each, for life."""
    retold = retell(evidence)
    for pool, numbers in retold.numbers.items():
        assert numbers == list(range(1, len(numbers) + 1)), f"{pool}: not dense: … {numbers[-20:]}"
    stored = {
        (row["tenant"], row["year"], row["gender"]): row["last"] for row in evidence.counters if row["last"]
    }
    given = {pool: len(numbers) for pool, numbers in retold.numbers.items()}
    assert stored == given, f"the last counters are stored as {stored}; given were {given}"
    owners: dict[tuple[str, str], str] = {}
    for row in evidence.enrolments:
        student_id, counter = str(row["student_id"]), row["counter"]
        own = retold.counters.get((row["tenant"], row["gender"], student_id))
        assert counter == own, f"{student_id} has the counter {counter}; its own is {own}"
        if counter is not None:
            owner = owners.setdefault((row["tenant"], counter), student_id)
            assert owner == student_id, f"{owner} and {student_id} share the counter {counter}"


@dataclass(frozen=True)
class Canary:
    """Personal data of somebody whom nothing else resembles."""

    values: Sequence[str]

    def spellings(self) -> Iterator[tuple[str, bytes]]:
        """Each value in UTF-8, and with the escapes that JSON, Python and Postgres have for other letters."""
        for value in self.values:
            escaped = json.dumps(value)[1:-1]
            for spelling in {value, escaped, escaped.upper().replace("\\U", "\\u")}:
                yield value, spelling.encode()


async def personal_data_absent(canary: Canary, written: AsyncIterable[tuple[str, bytes]]) -> int:
    """None of it stands in any of `written`; returns how many pieces were looked through."""
    spellings = list(canary.spellings())
    pieces = 0
    async for place, content in written:
        pieces += 1
        for value, spelling in spellings:
            assert spelling not in content, f"{place} holds {value!r}"
    return pieces


def first_occurrences(where: str, values: Sequence[bytes]) -> list[bytes]:
    """A topic's events without repeats. A repeat must be the same event; nothing may be missing before the next."""
    kept: list[bytes] = []
    for value in values:
        sequence = int(_decode(value)["sequence"])
        assert sequence <= len(kept) + 1, f"{where}: sequence {sequence} follows {len(kept)}"
        if sequence == len(kept) + 1:
            kept.append(value)
        else:
            assert kept[sequence - 1] == value, f"{where}: sequence {sequence} is there twice, and differs"
    return kept


def _require_chain(source: str, partition: int, values: Sequence[bytes], where: str) -> None:
    previous, time = NO_HASH, ""
    for sequence, value in enumerate(values, 1):
        event = _decode(value)
        expected = f"{source}-{partition:02d}-{sequence:016d}"
        assert event["id"] == expected, f"{where}: {event['id']} stands where {expected} should"
        assert event["sequence"] == f"{sequence:016d}", (
            f"{where}: {expected} has the sequence {event['sequence']}"
        )
        assert event["previous"] == previous, f"{where}: {expected} does not continue the event before it"
        assert event["time"] >= time, f"{where}: {expected} is older than the event before it"
        previous, time = _leaf_hash(value).hex(), event["time"]


def _leaf_hash(value: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x00" + value).digest()
