"""The one transaction of intake: lock, load, decide, seal, append, project, answer, commit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.intake.append.arrival import Arrival
from services.intake.append.commit import transaction
from services.intake.append.drafts import Drafted, draft_facts
from services.intake.append.fresh_keys import FreshKeys
from services.intake.append.inbound import InboundSlice, move_inbound
from services.intake.append.load import load_tenants, lock_references
from services.intake.append.metrics import count_answers
from services.intake.append.result import Place, Result
from services.intake.append.sealing import Keyring
from services.intake.append.settle import Pending, settle
from services.intake.append.store import (
    load_answers,
    store_answers,
    store_keys,
    store_rejections,
    store_students,
)
from services.intake.append.writer import Submission
from services.intake.project.managers import project_managers
from services.intake.project.mentors import project_mentors
from services.intake.project.placed import Placed
from services.intake.project.rosters import project_rosters
from services.intake.project.students import project_students
from shared.append.clock import Clock
from shared.append.log import Appended, Log
from shared.contracts.facts import (
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentRegistered,
)
from shared.postgres import Connection, Pool
from shared.telemetry import OpenSpan, Telemetry


@dataclass(frozen=True, slots=True)
class Work:
    """What one transaction has to do."""

    arrivals: Sequence[Arrival]
    slices: Sequence[InboundSlice]
    alone: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction wrote, to be told of after its commit."""

    results: list[Result]
    appended: list[Appended]
    drafted: Drafted


class Appender:
    """Runs the transactions of the writer. `published` is told of every event after its commit."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        keyring: Keyring,
        telemetry: Telemetry,
        *,
        partitions: int,
        fresh_keys: FreshKeys,
        published: Callable[[Sequence[Appended]], None],
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._log = log
        self._keyring = keyring
        self._telemetry = telemetry
        self._partitions = partitions
        self._fresh_keys = fresh_keys
        self._published = published
        self._clock = clock

    async def transact(self, submissions: Sequence[Submission], alone: bool = False) -> list[list[Result]]:
        """Settles all submissions, or none; `alone`, so that no other writer is in their tenants.

        Raises `OutcomeUnknown` when the commit's answer was lost.
        """
        self._log.gate.require_open()
        arrivals = [arrival for submission in submissions for arrival in submission.arrivals]
        slices = [item for submission in submissions for item in submission.slices]
        spans: list[OpenSpan] = []
        try:
            async with transaction(self._pool) as connection:
                written = await self._statements(connection, Work(arrivals, slices, alone), spans)
        except BaseException as error:
            for span in spans:
                span.end(error)
            raise
        for span in spans:
            span.end()
        self._fresh_keys.keep(written.drafted.keys)
        self._published(written.appended)
        count_answers(arrivals, written.results)
        results = iter(written.results)
        return [[next(results) for _ in submission.arrivals] for submission in submissions]

    async def _statements(self, connection: Connection, work: Work, spans: list[OpenSpan]) -> Written:
        arrivals = work.arrivals
        if work.slices:
            await move_inbound(connection, work.slices)
        await lock_references(connection, arrivals, alone=work.alone)
        known = await load_answers(connection, [item.key for item in arrivals if item.key is not None])
        unanswered = [item for item in arrivals if item.key is None or item.key not in known]
        tenants = await load_tenants(connection, unanswered, self._partitions)
        now = self._clock()
        batch = settle(arrivals, known, tenants, now=now)
        drafted = await draft_facts(connection, batch.pending, self._keyring, self._telemetry)
        spans += drafted.spans
        await store_students(connection, batch.pending, tenants)
        appended = await self._log.append(connection, drafted.drafts, now=now)
        for item, event in zip(batch.pending, appended, strict=True):
            item.settled.answer.places.append(Place(event.partition, event.sequence))
        await store_keys(connection, drafted.keys)
        await project(connection, batch.pending, appended)
        await store_rejections(connection, batch.rejected, self._keyring, now)
        await store_answers(connection, batch.answers)
        return Written([item.result() for item in batch.settled], appended, drafted)


async def project(connection: Connection, pending: Sequence[Pending], appended: Sequence[Appended]) -> None:
    """Brings the read models to where the log is. Of several facts on one subject the last is projected."""
    students: dict[tuple[str, str, int], tuple[Placed[StudentRegistered], bool]] = {}
    mentors: dict[tuple[str, int], tuple[Placed[MentorRegistered], bool]] = {}
    managers: dict[tuple[str, int], Placed[ManagerRegistered]] = {}
    rosters: dict[tuple[str, int], Placed[SchoolRosterPublished]] = {}
    for item, event in zip(pending, appended, strict=True):
        fact, tenant = item.new.fact, event.tenant
        where = (item.new.fingerprint, event.partition, event.sequence)
        if isinstance(fact, StudentRegistered):
            year = (tenant, fact.student_id, fact.year)
            is_new = students[year][1] if year in students else item.is_new_year
            students[year] = (Placed(tenant, fact, *where), is_new)
        elif isinstance(fact, MentorRegistered):
            mentor = (tenant, fact.mentor_id)
            is_new = mentors[mentor][1] if mentor in mentors else fact.version == 1
            mentors[mentor] = (Placed(tenant, fact, *where), is_new)
        elif isinstance(fact, ManagerRegistered):
            managers[tenant, fact.manager_id] = Placed(tenant, fact, *where)
        elif isinstance(fact, SchoolRosterPublished):
            rosters[tenant, fact.year] = Placed(tenant, fact, *where)
    await project_students(
        connection,
        [placed for placed, is_new in students.values() if is_new],
        [placed for placed, is_new in students.values() if not is_new],
    )
    await project_mentors(
        connection,
        [placed for placed, is_new in mentors.values() if is_new],
        [placed for placed, is_new in mentors.values() if not is_new],
    )
    await project_managers(connection, list(managers.values()))
    await project_rosters(connection, list(rosters.values()))
