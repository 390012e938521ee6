"""Every query on the way of an event: the plain ones read from their text, the others written again here.

`tests/integration/simulation` runs each of them against this double and against PostgreSQL, with the same results.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from shared.postgres import named_queries
from tests.simulation.plain_sql import Unreadable, plain
from tests.simulation.schema import Row
from tests.simulation.statements import QUERIES, Query, Record, Statement

FILES: Final = (
    ("shared.append", "queries.sql"),
    ("shared.inbox", "queries.sql"),
    ("shared.relay", "queries.sql"),
    ("services.intake.append", "queries.sql"),
    ("services.intake.append", "inbound.sql"),
    ("services.intake.project", "queries.sql"),
    ("services.intake.relay", "queries.sql"),
    ("services.allocation.project", "queries.sql"),
    ("services.audit.project", "queries.sql"),
)
_written: dict[tuple[str, str], Query] = {}


def _query(package: str, name: str) -> Callable[[Query], Query]:
    def keep(function: Query) -> Query:
        _written[package, name] = function
        return function

    return keep


def load_queries() -> dict[tuple[str, str], str]:
    """Makes all of them known by their text; returns the names of those that nobody has written, with why."""
    unknown = {}
    for package, file in FILES:
        for name, text in named_queries(package, file).items():
            try:
                QUERIES[text] = _written.get((package, name)) or plain(text)
            except Unreadable as error:
                unknown[package, name] = str(error)
    QUERIES["select 1"] = lambda statement: [Record({"?column?": 1})]
    return unknown


def _pick(row: Row, *columns: str) -> Record:
    return Record({column: row[column] for column in columns})


# --- the log and the relay


@_query("shared.append", "move_heads")
def move_heads(
    statement: Statement,
    partitions: Sequence[int],
    sequences: Sequence[int],
    hashes: Sequence[bytes],
    times: Sequence[str],
) -> list[Record]:
    changes = [
        ((partition,), lambda row, new=new: {**row, "sequence": new[0], "hash": new[1], "time": new[2]})
        for partition, *new in zip(partitions, sequences, hashes, times, strict=True)
    ]
    statement.update("log_head", changes)
    statement.notify("log")
    return [Record({"pg_notify": ""})]


@_query("shared.relay", "beat")
def beat(statement: Statement, group: int, held: Sequence[int]) -> list[Record]:
    rows = _standings(statement)
    for row in rows:
        partition = row["partition"]
        row["won"] = None if partition in held else statement.try_advisory(group, partition)
    return rows


@_query("shared.relay", "heads")
def heads(statement: Statement) -> list[Record]:
    return _standings(statement)


def _standings(statement: Statement) -> list[Record]:
    published = {row["partition"]: row["sequence"] for row in statement.scan("log_published")}
    heads = sorted(statement.scan("log_head"), key=lambda row: int(row["partition"]))
    return [
        Record(partition=row["partition"], head=row["sequence"], published=published[row["partition"]])
        for row in heads
    ]


LOG_COLUMNS: Final = (
    "partition", "sequence", "type", "tenant", "subject", "version", "value", "hash", "traceparent",
)  # fmt: skip


@_query("shared.relay", "read_unsent")
def read_unsent(statement: Statement, partition: int, after: int, most: int, most_bytes: int) -> list[Record]:
    found: list[Record] = []
    size = 0
    for row in _log_after(statement, partition, after)[:most]:
        if size >= most_bytes:
            break
        size += len(row["value"])
        found.append(_pick(row, *LOG_COLUMNS))
    return found


def _log_after(statement: Statement, partition: int, after: int) -> list[Row]:
    rows = [row for row in statement.scan("log") if row["partition"] == partition and row["sequence"] > after]
    return sorted(rows, key=lambda row: int(row["sequence"]))


@_query("shared.relay", "hashes")
def hashes(statement: Statement, partitions: Sequence[int], sequences: Sequence[int]) -> list[Record]:
    rows = [statement.find("log", place) for place in zip(partitions, sequences, strict=True)]
    return [_pick(row, "partition", "sequence", "hash") for row in rows if row is not None]


# --- the inboxes


@_query("shared.inbox", "move_positions")
def move_positions(statement: Statement, *columns: Sequence[Any]) -> list[Record]:
    wanted = {(source, partition): new for source, partition, *new in zip(*columns, strict=True)}

    def change(key: tuple[Any, ...], row: Row) -> Row | None:
        expected, sequence, digest = wanted[key]
        return {**row, "sequence": sequence, "hash": digest} if row["sequence"] == expected else None

    moved = _compare_and_set(statement, "inbox", sorted(wanted), change)
    return [_pick(row, "source", "partition") for row in moved]


@_query("services.intake.append", "move_inbound")
def move_inbound(statement: Statement, *columns: Sequence[Any]) -> list[Record]:
    wanted = {(partition,): new for partition, *new in zip(*columns, strict=True)}

    def change(key: tuple[Any, ...], row: Row) -> Row | None:
        expected_offset, expected_digest, next_offset, digest = wanted[key]
        if (row["next_offset"], row["digest"]) != (expected_offset, expected_digest):
            return None
        return {**row, "next_offset": next_offset, "digest": digest}

    return [_pick(row, "partition") for row in _compare_and_set(statement, "inbound", sorted(wanted), change)]


def _compare_and_set(
    statement: Statement,
    table: str,
    keys: Sequence[tuple[Any, ...]],
    change: Callable[[tuple[Any, ...], Row], Row | None],
) -> list[Row]:
    """Locks the rows that are as expected, in order; changes those that still are."""
    changed = []
    for key in keys:
        visible = statement.find(table, key)
        if visible is not None and change(key, visible) is not None:
            newest = statement.lock(table, key)
            if newest is not None and (row := change(key, newest)) is not None:
                changed.append(row)
    for row in changed:
        statement.put(table, row)
    return changed


# --- intake


@_query("services.intake.append", "lock_references")
def lock_references(
    statement: Statement, group: int, tenants: Sequence[int], exclusive: Sequence[bool]
) -> list[Record]:
    for tenant, alone in zip(tenants, exclusive, strict=True):
        statement.lock_advisory(group, tenant, exclusive=alone)
    return [Record(count=len(tenants))]


MENTOR_COLUMNS: Final = (
    "mentor_id", "version", "gender", "type", "capacity", "active", "alias_code", "manager_id", "manager_centers",
    "groups", "centers", "schools", "fingerprint",
)  # fmt: skip


@_query("services.intake.append", "lock_mentors")
def lock_mentors(
    statement: Statement, tenant: str, mentors: Sequence[int], managers: Sequence[int]
) -> list[Record]:
    def wanted(row: Row) -> bool:
        return row["tenant"] == tenant and (row["mentor_id"] in mentors or row["manager_id"] in managers)

    found = sorted(filter(wanted, statement.scan("mentors")), key=lambda row: int(row["mentor_id"]))
    locked = [statement.lock("mentors", (tenant, row["mentor_id"])) for row in found]
    return [_pick(row, *MENTOR_COLUMNS) for row in locked if row is not None and wanted(row)]


@_query("services.intake.append", "students_to_rederive")
def students_to_rederive(
    statement: Statement, tenant: str, year: int, schools: Sequence[int]
) -> list[Record]:
    versions = {
        row["student_id"]: row["version"] for row in statement.scan("students") if row["tenant"] == tenant
    }
    found = [
        row
        for row in statement.scan("student_years")
        if row["tenant"] == tenant
        and row["year"] == year
        and not row["is_withdrawn"]
        and row["school_code"] is not None
        and (row["school_code"] in schools) != (row["student_type"] == 1)
        and row["student_id"] in versions
    ]
    found.sort(key=lambda row: (row["gender"], row["arrival_male" if row["gender"] else "arrival_female"]))
    columns = (
        "student_id", "gender", "edu_status", "reg_center", "reg_status", "group_code", "school_code",
        "student_type", "fingerprint",
    )  # fmt: skip
    return [Record({**_pick(row, *columns), "version": versions[row["student_id"]]}) for row in found]


@_query("services.intake.append", "student_envelopes")
def student_envelopes(
    statement: Statement, tenant: str, students: Sequence[str], years: Sequence[int]
) -> list[Record]:
    found = []
    for student, year in zip(students, years, strict=True):
        row = statement.find("student_years", (tenant, student, year))
        event = statement.find("log", (row["partition"], row["sequence"])) if row is not None else None
        if event is not None:
            found.append(Record(subject=f"student/{student}", year=year, value=event["value"]))
    return found


@_query("services.intake.append", "mentor_envelopes")
def mentor_envelopes(statement: Statement, tenant: str, mentors: Sequence[int]) -> list[Record]:
    found = []
    for mentor in mentors:
        row = statement.find("mentors", (tenant, mentor))
        event = statement.find("log", (row["partition"], row["sequence"])) if row is not None else None
        if event is not None:
            found.append(Record(subject=f"mentor/{mentor}", value=event["value"]))
    return found


@_query("services.intake.project", "keep_arrivals")
def keep_arrivals(statement: Statement, *columns: Sequence[Any]) -> int:
    def change(row: Row, female: int | None, male: int | None) -> Row | None:
        changed = {
            **row,
            "arrival_female": _least(row["arrival_female"], female),
            "arrival_male": _least(row["arrival_male"], male),
        }
        return changed if changed != row else None

    changes = [
        ((tenant, student, year), lambda row, new=new: change(row, *new))
        for tenant, year, student, *new in zip(*columns, strict=True)
    ]
    return len(statement.update("student_years", changes))


def _least(*values: int | None) -> int | None:
    return min((value for value in values if value is not None), default=None)


@_query("services.intake.relay", "subject_keys")
def subject_keys(statement: Statement, tenants: Sequence[str], subjects: Sequence[str]) -> list[Record]:
    rows = [statement.find("subject_keys", place) for place in zip(tenants, subjects, strict=True)]
    return [_pick(row, "tenant", "subject", "lookup", "wrapped_key") for row in rows if row is not None]


@_query("services.intake.relay", "erased_subjects")
def erased_subjects(statement: Statement, tenants: Sequence[str], subjects: Sequence[str]) -> list[Record]:
    rows = [statement.find("erasures", place) for place in zip(tenants, subjects, strict=True)]
    return [_pick(row, "tenant", "subject") for row in rows if row is not None]


@_query("services.intake.relay", "rejections_published")
def rejections_published(statement: Statement, rejections: Sequence[str]) -> int:
    locked = [statement.lock("rejections", (rejection,)) for rejection in sorted(rejections)]
    told = [row for row in locked if row is not None]
    for row in told:
        statement.put("rejections", {**row, "published": True})
    return len(told)


@_query("services.intake.relay", "subjects_from_elsewhere")
def subjects_from_elsewhere(
    statement: Statement,
    tenants: Sequence[str],
    subjects: Sequence[str],
    versions: Sequence[int],
    partition: int,
) -> list[Record]:
    """Those whose version before is in another partition, or nowhere."""
    before = {
        (row["tenant"], row["subject"], row["version"]): row["partition"] for row in statement.scan("log")
    }
    asked = zip(tenants, subjects, versions, strict=True)
    moved = {
        (tenant, subject)
        for tenant, subject, version in asked
        if before.get((tenant, subject, version - 1)) != partition
    }
    return [Record({"tenant": tenant, "subject": subject}) for tenant, subject in sorted(moved)]


# --- allocation and audit

ENROLMENT_COLUMNS: Final = (
    "tenant", "year", "student_id", "version", "arrival", "status", "mentor_id", "counter", "reg_center",
    "group_code", "reg_status", "edu_status", "school_code", "student_type", "reason", "cause_sequence",
    "decided_at", "policy", "partition",
)  # fmt: skip


@_query("services.allocation.project", "students")
def students(
    statement: Statement, partitions: Sequence[int], tenants: Sequence[str], wanted: Sequence[str]
) -> list[Record]:
    places = set(zip(partitions, tenants, wanted, strict=True))
    return [
        _pick(row, *ENROLMENT_COLUMNS)
        for row in statement.scan("enrolments")
        if (row["partition"], row["tenant"], row["student_id"]) in places
    ]


@_query("services.allocation.project", "students_of_mentors")
def students_of_mentors(
    statement: Statement, partitions: Sequence[int], tenants: Sequence[str], mentors: Sequence[int]
) -> list[Record]:
    wanted = set(zip(partitions, tenants, mentors, strict=True))
    rows = statement.scan("enrolments")
    found = {
        (row["partition"], row["tenant"], row["student_id"])
        for row in rows
        if (row["partition"], row["tenant"], row["mentor_id"]) in wanted
    }
    return students(statement, *zip(*found, strict=True)) if found else []


@_query("services.audit.project", "load_tree")
def load_tree(statement: Statement, source: str, partition: int) -> list[Record]:
    tree, position = (
        statement.find("trees", (source, partition)),
        statement.find("inbox", (source, partition)),
    )
    if tree is None or position is None:
        return []
    return [
        Record(sequence=position["sequence"], hash=position["hash"], size=tree["size"], edge=tree["edge"])
    ]
