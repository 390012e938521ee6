"""What one transaction of intake does, from the first lock to the last row; `transaction.py` begins and ends it.

A batch is written part by part: a part ends with a roster, because whom it changes must be in the projection before
their page is read, and they are too many to be in memory with it. Of a batch without rosters there is one part.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final

from services.intake.append.decide_batch import Batch, Pending, ReceivedEvent, Rederival, decide_batch
from services.intake.append.idempotency import Place, Result, load_answers, store_answers
from services.intake.append.inbound import InboundSlice, move_inbound
from services.intake.append.load import (
    load_tenants,
    lock_references,
    move_student_versions,
    require_still_absent,
    store_students,
)
from services.intake.append.seal_facts import seal_facts, store_keys, store_rejections
from services.intake.crypto.key_record import SubjectKey
from services.intake.crypto.sealing import Keyring
from services.intake.decide.rows import Placed
from services.intake.decide.state import State, Student
from services.intake.decide.student_registered import rederived
from services.intake.decide.student_years import load_year
from services.intake.project.facts import project
from shared.append.log import Appended, Draft, Head, Log
from shared.contracts.facts import Fact, MentorRegistered
from shared.contracts.partitions import pool_partition
from shared.postgres import Connection, named_queries
from shared.telemetry import AppendSpans

QUERIES: Final = named_queries("services.intake.append")
PAGE: Final = 1_000
"""Students in memory at once: about 3 MB with their facts."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one transaction has to do, as of `now`."""

    arrivals: Sequence[ReceivedEvent]
    slices: Sequence[InboundSlice]
    alone: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Tools:
    """What every transaction works with."""

    log: Log
    keyring: Keyring
    partitions: int


@dataclass(slots=True)
class Written:
    """What the transaction wrote, to be told of after its commit. Rederived students are not in `appended`."""

    results: list[Result] = field(default_factory=list)
    appended: list[Appended] = field(default_factory=list)
    keys: list[SubjectKey] = field(default_factory=list)


class Writing:
    """One transaction's statements on `connection`."""

    def __init__(self, connection: Connection, work: Work, tools: Tools, spans: AppendSpans) -> None:
        self._connection = connection
        self._work = work
        self._tools = tools
        self._spans = spans
        self._heads: dict[int, Head] | None = None
        self._written = Written()

    async def write(self) -> Written:
        """Locks, loads, decides, appends, projects and answers."""
        connection, work = self._connection, self._work
        arrivals = work.arrivals
        if work.slices:
            await move_inbound(connection, work.slices)
        has_rosters = any(_rederives(arrival) for arrival in arrivals)
        await lock_references(connection, arrivals, alone=work.alone or has_rosters)
        if has_rosters:
            await self._lock_all_heads()
        keys = [item.key for item in arrivals if item.key is not None]
        batch = Batch(work.now, await load_answers(connection, keys))
        for part in _parts(arrivals):
            await self._write_part(batch, part)
        await store_rejections(connection, batch.rejected, self._tools.keyring, work.now)
        await store_answers(connection, batch.answers)
        self._written.results = [item.result() for item in batch.settled]
        return self._written

    async def _lock_all_heads(self) -> None:
        """Several parts append several times, and heads have one order: all that may be needed, at once.

        Subjects come after the heads then. Nobody can wait for them: this transaction is alone in its tenants.
        """
        tenants = {arrival.tenant for arrival in self._work.arrivals}
        count = self._tools.partitions
        self._heads = await self._tools.log.lock_heads(
            self._connection,
            {pool_partition(tenant, gender, count) for tenant in tenants for gender in (0, 1)},
        )

    async def _write_part(self, batch: Batch, arrivals: Sequence[ReceivedEvent]) -> None:
        connection = self._connection
        undecided = batch.unanswered(arrivals)
        tenants = await load_tenants(connection, undecided, self._tools.partitions)
        part = decide_batch(batch, arrivals, tenants)
        drafted = await seal_facts(connection, part.pending, self._tools.keyring, self._spans)
        await store_students(connection, part.pending, tenants)
        self._written.appended += await self._append(part.pending, drafted.drafts)
        await require_still_absent(connection, undecided, tenants)
        await store_keys(connection, drafted.keys)
        self._written.keys += drafted.keys
        for rederival in part.rederivals:
            await self._rederive(rederival)

    async def _append(self, pending: Sequence[Pending], drafts: Sequence[Draft]) -> list[Appended]:
        """Into the log, the answers and the projections."""
        has_new_mentors = any(
            item.is_first and isinstance(item.new.fact, MentorRegistered) for item in pending
        )
        appended = await self._tools.log.append(
            self._connection, drafts, now=self._work.now, heads=self._heads, by_subject=has_new_mentors
        )
        placed = list[Placed[Fact]]()
        for item, event in zip(pending, appended, strict=True):
            new, answer = item.new, item.settled.answer
            place = Place(event.partition, event.sequence)
            if item.is_own:
                answer.places.append(place)
            else:
                answer.add_other(place)
            placed.append(
                Placed(
                    event.tenant, new.fact, new.fingerprint, event.partition, event.sequence, item.is_first
                )
            )
        await project(self._connection, placed)
        return appended

    async def _rederive(self, rederival: Rederival) -> None:
        """A roster's students, page by page: what was written of one is forgotten before the next is read."""
        connection, tools = self._connection, self._tools
        tenant = rederival.settled.arrival.tenant
        async for pending in rederived_pages(connection, rederival, tools.partitions):
            drafted = await seal_facts(connection, pending, tools.keyring, self._spans)
            await move_student_versions(connection, tenant, pending)
            await self._append(pending, drafted.drafts)


def _rederives(arrival: ReceivedEvent) -> bool:
    return arrival.command is not None and arrival.command.rederives


def _parts(arrivals: Sequence[ReceivedEvent]) -> Iterator[Sequence[ReceivedEvent]]:
    """`arrivals`, cut after each roster."""
    ends = [
        number for number, arrival in enumerate(arrivals, 1) if _rederives(arrival) and number < len(arrivals)
    ]
    for start, end in pairwise((0, *ends, len(arrivals))):
        yield arrivals[start:end]


async def rederived_pages(
    connection: Connection, rederival: Rederival, partitions: int
) -> AsyncIterator[list[Pending]]:
    """The facts of a roster's students, at most 1,000 at a time; they must be written before the next are asked for.

    One cursor sorts the students once. It sees them as they were when the roster was projected; since then nobody
    changed them, for the transaction is alone in its tenant.
    """
    arrival = rederival.settled.arrival
    command, year = arrival.command, rederival.year
    assert command is not None
    cursor = await connection.cursor(
        QUERIES["students_to_rederive"], arrival.tenant, year, sorted(rederival.roster.school_codes)
    )
    while rows := await cursor.fetch(PAGE):
        state = State(arrival.tenant, partitions, rosters={year: rederival.roster})
        for row in rows:
            known = load_year(row)
            state.students[row["student_id"]] = Student(row["version"], row["gender"], {year: known})
        decided = [rederived(state, student_id, year, command.occurred_at) for student_id in state.students]
        yield [Pending(rederival.settled, new, is_first=False) for new in decided if new is not None]
