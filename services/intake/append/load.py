"""What a batch is decided on: locks first, in the one order of intake's transactions, then the rows.

The order: positions of `rahnama.inbound`, reference locks by tenant, subjects by kind and key, heads by partition,
and last the new rows' own keys, sorted. Whoever waits for a lock holds only earlier ones.

Everyone who writes a tenant's mentors, students, managers or rosters holds its reference lock, shared at least, from
the start of the transaction to its end; whoever holds it exclusively is alone with all of them, in every instance and
behind either door. So what a manager or a roster reissues is locked by that alone: no row of it can be waited for.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from services.intake.append.decide_batch import Pending, ReceivedEvent, TenantBatch
from services.intake.decide.mentor_registered import load as load_mentor
from services.intake.decide.messages import FACTS, needs
from services.intake.decide.state import Needs, State, Student
from services.intake.decide.student_years import load_year
from shared.contracts.facts import StudentRegistered, StudentWithdrawnFact
from shared.errors import Conflict
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.intake.append")
ABOUT_STUDENTS: Final = (StudentRegistered, StudentWithdrawnFact)
STUDENT_COLUMNS: Final = ("lookup", "tenant", "student_id", "gender", "version")
REFERENCE_LOCKS: Final = 7_238
"""The class of the advisory locks on tenants' reference data."""


async def lock_references(connection: Connection, arrivals: Iterable[ReceivedEvent], *, alone: bool) -> None:
    """Each tenant's reference lock, once and in the strongest mode that the batch needs.

    `alone` asks for the exclusive one in any case: then nobody else writes to these tenants. No mode is ever
    raised later: two who hold it shared and both want it exclusively would wait for each other for ever.
    """
    modes: dict[int, bool] = {}
    for arrival in arrivals:
        number = _reference_lock(arrival.tenant)
        moves = arrival.command is not None and arrival.command.moves_references
        modes[number] = modes.get(number, alone) or moves
    if modes:
        numbers = sorted(modes)
        exclusive = [modes[number] for number in numbers]
        await connection.execute(QUERIES["lock_references"], REFERENCE_LOCKS, numbers, exclusive)


async def share_references(connection: Connection, tenant: str) -> None:
    """One tenant's reference lock, for who writes to a student of it outside the batches."""
    await connection.execute(QUERIES["lock_references"], REFERENCE_LOCKS, [_reference_lock(tenant)], [False])


def _reference_lock(tenant: str) -> int:
    return zlib.crc32(tenant.encode()) - 2**31


async def load_tenants(
    connection: Connection, arrivals: Sequence[ReceivedEvent], partitions: int
) -> dict[str, TenantBatch]:
    """The state that the commands of `arrivals` are decided on, by tenant; known subjects are locked."""
    by_tenant: dict[str, list[ReceivedEvent]] = {}
    for arrival in arrivals:
        if arrival.command is not None:
            by_tenant.setdefault(arrival.tenant, []).append(arrival)
    batches = {tenant: TenantBatch(State(tenant, partitions)) for tenant in sorted(by_tenant)}
    wanted = {
        tenant: needs([arrival.command for arrival in by_tenant[tenant] if arrival.command is not None])
        for tenant in batches
    }
    await _load_students(connection, batches, by_tenant)
    for tenant, batch in batches.items():
        await _load_mentors(connection, batch.state, wanted[tenant])
    for tenant, batch in batches.items():
        await _load_references(connection, batch.state, wanted[tenant])
    return batches


async def require_still_absent(
    connection: Connection, arrivals: Sequence[ReceivedEvent], tenants: Mapping[str, TenantBatch]
) -> None:
    """Nobody whose withdrawal among `arrivals` was refused as unknown may be known, now that all locks are held.

    Who is not known has no row to lock. A batch that has waited for another transaction, for a student whom both name
    or for a head of the log, comes after it, and must not have decided as if a student inserted there were not. A
    registration needs no such look: it meets the inserted one in a unique index. Raises `Conflict`.
    """
    absent = [
        arrival.lookup
        for arrival in arrivals
        if arrival.command is not None
        and not arrival.command.creates_student
        and arrival.lookup is not None
        and arrival.lookup not in tenants[arrival.tenant].students
    ]
    if absent and await connection.fetch(QUERIES["students_known_by_now"], absent):
        raise Conflict("a student who is to be withdrawn was registered meanwhile")


async def _load_students(
    connection: Connection,
    batches: Mapping[str, TenantBatch],
    by_tenant: Mapping[str, Sequence[ReceivedEvent]],
) -> None:
    """Look-ups are HMACs under the tenants' own keys: sorted over all tenants, they are one order."""
    tenant_of = {
        arrival.lookup: tenant
        for tenant, arrivals in by_tenant.items()
        for arrival in arrivals
        if arrival.lookup is not None
    }
    if not tenant_of:
        return
    known: dict[str, list[str]] = {}
    for row in await connection.fetch(QUERIES["lock_students"], list(tenant_of)):
        lookup, student_id = row["lookup"], row["student_id"]
        tenant = tenant_of[lookup]
        batches[tenant].students[lookup] = student_id
        batches[tenant].state.students[student_id] = Student(row["version"], row["gender"], {})
        known.setdefault(tenant, []).append(student_id)
    for tenant, student_ids in known.items():
        students = batches[tenant].state.students
        for row in await connection.fetch(QUERIES["student_years"], tenant, student_ids):
            students[row["student_id"]].years[row["year"]] = load_year(row, is_withdrawn=row["is_withdrawn"])


async def _load_mentors(connection: Connection, state: State, wanted: Needs) -> None:
    """The mentors who are named, and all those of the managers who are."""
    if not (wanted.mentors or wanted.mentors_of):
        return
    state.mentors_of = {manager_id: set() for manager_id in wanted.mentors_of}
    mentor_ids, manager_ids = sorted(wanted.mentors), sorted(wanted.mentors_of)
    for row in await connection.fetch(QUERIES["lock_mentors"], state.tenant, mentor_ids, manager_ids):
        load_mentor(state, row)


async def _load_references(connection: Connection, state: State, wanted: Needs) -> None:
    """Under the reference lock nobody moves managers, rosters, and what depends on them."""
    for kind in FACTS.values():
        reference = kind.reference
        if reference is not None and (ids := wanted.references.get(reference.table.name)):
            for row in await connection.fetch(QUERIES[reference.table.name], state.tenant, sorted(ids)):
                reference.load(state, row)


async def store_students(
    connection: Connection, pending: Sequence[Pending], tenants: Mapping[str, TenantBatch]
) -> None:
    """Gives new students their rows and moves the versions of known ones; both sorted by look-up.

    A first registration that another transaction has just made is a unique violation: the batch is run again.
    """
    first: set[bytes] = set()
    touched: dict[bytes, tuple[str, str]] = {}
    for item in pending:
        arrival, fact = item.settled.arrival, item.new.fact
        if isinstance(fact, ABOUT_STUDENTS) and arrival.lookup is not None:
            touched[arrival.lookup] = (arrival.tenant, fact.student_id)
            if fact.version == 1:
                first.add(arrival.lookup)
    rows = []
    for lookup in sorted(touched):
        tenant, student_id = touched[lookup]
        student = tenants[tenant].state.students[student_id]
        rows.append((lookup, tenant, student_id, student.gender, student.version))
    fresh = [row for row in rows if row[0] in first]
    moved = [row for row in rows if row[0] not in first]
    if moved:
        await connection.execute(
            QUERIES["move_students"],
            [row[0] for row in moved],
            [row[4] for row in moved],
            [row[3] for row in moved],
        )
    if fresh:
        await connection.copy_records_to_table("students", records=fresh, columns=STUDENT_COLUMNS)


async def move_student_versions(connection: Connection, tenant: str, pending: Sequence[Pending]) -> None:
    """The versions of a tenant's students who are reissued: known ones, whom nobody else can change now."""
    if pending:
        ids = [item.new.subject.removeprefix("student/") for item in pending]
        versions = [item.new.fact.version for item in pending]
        await connection.execute(QUERIES["move_student_versions"], tenant, ids, versions)
