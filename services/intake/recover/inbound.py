"""Which records of `rahnama.inbound` must not be applied again, though the restored position stands before them.

The position stays where the backup had it, so the service reads these records once more. Those whose facts came
back are duplicates by their answers. Of the others each one led to no fact, or its fact was lost before it left. To
apply one again is right as long as nothing newer was accepted of the same thing (a student's year, a mentor, a
manager, a roster): the state is the one that it was decided on, and it is unchanged or rejected again, or accepted
again where its fact was lost. Where something newer was accepted, it would undo that; so it gets the answer
`unchanged` and is a duplicate, too. A lost fact cannot be meant there: a newer one of the same thing follows it in
the same partition, and would be lost as well. Nor may a record bring back who was erased after it.

Newer than a record is a lost fact whose own record stands behind it in the same partition. For one that came by
another way (HTTP, another partition) times are compared: the fact's acceptance, and the time at which the record
was applied, which lies between the facts of the records before and behind it, and not before it was written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.idempotency import Answer, load_answers, store_answers
from services.intake.decide.commands import StudentCommand
from services.intake.recover.facts import QUERIES
from services.intake.recover.lost import Lost, Thing
from shared.contracts.envelope import decode, rfc3339
from shared.postgres import Connection
from shared.project.columns import columns

NEVER: Final = "~"
"""Behind every time, as text."""
PAGE_RECORDS: Final = 2000
NOBODY: Final[Mapping[bytes, str]] = {}


@dataclass(frozen=True, slots=True)
class Seen:
    """A record with a valid event: its key, what it is about (None: of nothing that was lost), and when it was written.

    `lookup` is that of its student, if it is about one.
    """

    key: bytes
    digest: bytes
    thing: Thing | None
    written: str
    lookup: bytes | None = None


def seen(arrival: ReceivedEvent, timestamp_ms: int, students: Mapping[bytes, str]) -> Seen | None:
    """What must be known of a record; None of one that was refused as it stands, and would be again.

    `students` are the subjects of the look-ups of which something was lost.
    """
    if arrival.key is None or arrival.command is None:
        return None
    written = rfc3339(datetime.fromtimestamp(max(0, timestamp_ms) / 1000, UTC))
    return Seen(arrival.key, arrival.digest, _thing(arrival, students), written, arrival.lookup)


def _thing(arrival: ReceivedEvent, students: Mapping[bytes, str]) -> Thing | None:
    command, tenant = arrival.command, arrival.tenant
    if command is None:
        return None
    if not isinstance(command, StudentCommand):
        return tenant, str(command.subject), None
    subject = students.get(arrival.lookup or b"")
    return (tenant, subject, command.year) if subject is not None else None


def overtaken(
    records: Sequence[Seen],
    lost: Lost,
    answered: Mapping[bytes, str | None],
    erased: Mapping[bytes, str] = NOBODY,
) -> list[Seen]:
    """Those of one partition's `records`, in their order, that must not be applied again.

    `answered` are the events that have an answer already, with the time of their fact if they led to one; `erased`
    the look-ups of who was erased since the backup, with the time.
    """
    causes = _causes(records, lost)
    applied = _applied(records, causes, answered)
    causing = {record.key for record in records}
    behind: set[Thing] = set()
    behind_keys: set[bytes] = (
        set()
    )  # an event may change other things than its own: a move all years of the student
    found: list[Seen] = []
    for number in range(len(records) - 1, -1, -1):
        record = records[number]
        if number in causes:
            behind_keys.add(record.key)
            if record.thing is not None:
                behind.add(record.thing)
        if record.key in lost.causes or record.key in answered:
            continue
        if record.lookup is not None and applied[number] <= erased.get(record.lookup, ""):
            found.append(record)
            continue
        last = lost.last.get(record.thing) if record.thing is not None else None
        if last is None:
            continue
        if (
            record.thing in behind
            or last.key in behind_keys
            or (last.key not in causing and applied[number] <= last.time)
        ):
            found.append(record)
    found.reverse()
    return found


def _causes(records: Sequence[Seen], lost: Lost) -> dict[int, str]:
    """Which of the records led to lost facts, and when these were accepted. What repeats such an event did not."""
    first: dict[bytes, int] = {}
    for number, record in enumerate(records):
        if record.key in lost.causes:
            first.setdefault(record.key, number)
    return {number: lost.causes[key] for key, number in first.items()}


def _applied(
    records: Sequence[Seen], causes: Mapping[int, str], answered: Mapping[bytes, str | None]
) -> list[str]:
    """When each record was applied, as far as can be told: after it was written, and in the order of the records."""
    times, before = list[str](), ""
    for record in records:
        before = max(before, causes.get(len(times), ""), answered.get(record.key) or "")
        times.append(max(record.written, before))
    behind = NEVER
    for number in range(len(times) - 1, -1, -1):
        behind = causes.get(number, behind)
        times[number] = min(times[number], behind)
    return times


async def answered_among(connection: Connection, records: Sequence[Seen]) -> dict[bytes, str | None]:
    """The records that have an answer, with the time of the first fact that each led to."""
    found: dict[bytes, str | None] = {}
    for begin in range(0, len(records), PAGE_RECORDS):
        found |= await _answered(connection, [record.key for record in records[begin : begin + PAGE_RECORDS]])
    return found


async def _answered(connection: Connection, keys: Sequence[bytes]) -> dict[bytes, str | None]:
    answers = await load_answers(connection, keys)
    places = {key: answer.places[0] for key, answer in answers.items() if answer.places}
    rows = await connection.fetch(
        QUERIES["values_at"],
        [place.partition for place in places.values()],
        [place.sequence for place in places.values()],
    )
    times = {(row["partition"], row["sequence"]): decode(row["value"]).time for row in rows}
    return {
        key: times.get((places[key].partition, places[key].sequence)) if key in places else None
        for key in answers
    }


async def answer_unchanged(connection: Connection, records: Sequence[Seen]) -> int:
    """Gives each event the answer `unchanged`, once; how many these are."""
    fresh = {
        record.key: Answer(
            record.key, record.digest, "unchanged", record.thing[1] if record.thing is not None else None
        )
        for record in reversed(records)  # of several with one key the first is the event
    }
    answered = 0
    keys = list(fresh)
    async with connection.transaction():
        for begin in range(0, len(keys), PAGE_RECORDS):
            page = keys[begin : begin + PAGE_RECORDS]
            known = await load_answers(connection, page)
            await store_answers(connection, [fresh[key] for key in page if key not in known])
            answered += len(page) - len(known)
    return answered


async def students_of(connection: Connection, lost: Lost) -> dict[bytes, str]:
    """The look-ups of the students of whom facts were lost, each with its subject; of none who is erased."""
    owners = sorted(
        {(tenant, subject) for tenant, subject, year in lost.last if year is not None} - lost.erased
    )
    if not owners:
        return {}
    rows = await connection.fetch(QUERIES["keys_of"], *columns(owners))
    return {row["lookup"]: row["subject"] for row in rows if row["lookup"] is not None}


async def erased_since(
    connection: Connection, lost: Lost, lanes: Iterable[Sequence[Seen]]
) -> dict[bytes, str]:
    """The look-ups of those whose erasure is a lost fact, with its time, as far as anything still tells them.

    The database does of whom the backup knew, a record that led to a fact of whom came since. Nothing tells the
    look-up of who came, and went, by HTTP alone.
    """
    if not lost.erasures:
        return {}
    rows = await connection.fetch(QUERIES["keys_of"], *columns(sorted(lost.erasures)))
    found = {
        row["lookup"]: lost.erasures[row["tenant"], row["subject"]]
        for row in rows
        if row["lookup"] is not None
    }
    causing = {
        last.key: lost.erasures[tenant, subject]
        for (tenant, subject, _), last in lost.last.items()
        if (tenant, subject) in lost.erasures
    }
    for record in (record for lane in lanes for record in lane):
        if record.lookup is not None and record.key in causing:
            found[record.lookup] = max(causing[record.key], found.get(record.lookup, ""))
    return found
