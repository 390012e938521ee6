"""Intake's queries that are not plain."""

from collections.abc import Sequence
from typing import Any, Final

from tests.simulation.schema import Row
from tests.simulation.statements import Record, Statement
from tests.simulation.written import pick, query

# --- intake


@query("services.intake.append", "lock_references")
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


@query("services.intake.append", "lock_mentors")
def lock_mentors(
    statement: Statement, tenant: str, mentors: Sequence[int], managers: Sequence[int]
) -> list[Record]:
    def wanted(row: Row) -> bool:
        return row["tenant"] == tenant and (row["mentor_id"] in mentors or row["manager_id"] in managers)

    found = sorted(filter(wanted, statement.scan("mentors")), key=lambda row: int(row["mentor_id"]))
    locked = [statement.lock("mentors", (tenant, row["mentor_id"])) for row in found]
    return [pick(row, *MENTOR_COLUMNS) for row in locked if row is not None and wanted(row)]


@query("services.intake.append", "students_to_rederive")
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
    return [Record({**pick(row, *columns), "version": versions[row["student_id"]]}) for row in found]


@query("services.intake.append", "student_envelopes")
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


@query("services.intake.append", "mentor_envelopes")
def mentor_envelopes(statement: Statement, tenant: str, mentors: Sequence[int]) -> list[Record]:
    found = []
    for mentor in mentors:
        row = statement.find("mentors", (tenant, mentor))
        event = statement.find("log", (row["partition"], row["sequence"])) if row is not None else None
        if event is not None:
            found.append(Record(subject=f"mentor/{mentor}", value=event["value"]))
    return found


@query("services.intake.project", "keep_arrivals")
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


@query("services.intake.relay", "subject_keys")
def subject_keys(statement: Statement, tenants: Sequence[str], subjects: Sequence[str]) -> list[Record]:
    rows = [statement.find("subject_keys", place) for place in zip(tenants, subjects, strict=True)]
    return [pick(row, "tenant", "subject", "lookup", "wrapped_key") for row in rows if row is not None]


@query("services.intake.relay", "erased_subjects")
def erased_subjects(statement: Statement, tenants: Sequence[str], subjects: Sequence[str]) -> list[Record]:
    rows = [statement.find("erasures", place) for place in zip(tenants, subjects, strict=True)]
    return [pick(row, "tenant", "subject") for row in rows if row is not None]


@query("services.intake.relay", "rejections_published")
def rejections_published(statement: Statement, rejections: Sequence[str]) -> int:
    locked = [statement.lock("rejections", (rejection,)) for rejection in sorted(rejections)]
    told = [row for row in locked if row is not None]
    for row in told:
        statement.put("rejections", {**row, "published": True})
    return len(told)


@query("services.intake.relay", "subjects_from_elsewhere")
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


@query("services.intake.relay", "anchors")
def anchors(statement: Statement) -> list[Record]:
    found = []
    for head in sorted(statement.scan("log_head"), key=lambda row: int(row["partition"])):
        anchor = statement.find("key_anchors", (head["partition"],)) or {}
        found.append(
            Record(
                partition=head["partition"], sequence=head["sequence"],
                record_offset=anchor.get("record_offset"), digest=anchor.get("digest"),
            )
        )  # fmt: skip
    return found


@query("services.intake.relay", "keyed_subjects")
def keyed_subjects(statement: Statement, partition: int, after: int, most: int) -> list[Record]:
    found = [
        row
        for row in statement.scan("log")
        if row["partition"] == partition
        and row["sequence"] > after
        and row["version"] == 1
        and statement.find("subject_keys", (row["tenant"], row["subject"])) is not None
    ]
    found.sort(key=lambda row: int(row["sequence"]))
    return [pick(row, "sequence", "tenant", "subject") for row in found[:most]]


@query("services.intake.relay", "erased_in")
def erased_in(
    statement: Statement, pools: Sequence[int], partition: int, sequence: int, most: int
) -> list[Record]:
    found = [
        row
        for row in statement.scan("erasures")
        if row["partition"] in pools and (row["partition"], row["sequence"]) > (partition, sequence)
    ]
    found.sort(key=lambda row: (row["partition"], row["sequence"]))
    return [pick(row, "partition", "sequence", "tenant", "subject") for row in found[:most]]
