"""Allocation's and audit's queries that are not plain."""

from collections.abc import Sequence
from typing import Final

from tests.simulation.statements import Record, Statement
from tests.simulation.written import pick, query

# --- allocation and audit

ENROLMENT_COLUMNS: Final = (
    "tenant", "year", "student_id", "version", "arrival", "status", "mentor_id", "counter", "reg_center",
    "group_code", "reg_status", "edu_status", "school_code", "student_type", "reason", "cause_sequence",
    "decided_at", "policy", "partition",
)  # fmt: skip


@query("services.allocation.project", "students")
def students(
    statement: Statement, partitions: Sequence[int], tenants: Sequence[str], wanted: Sequence[str]
) -> list[Record]:
    places = set(zip(partitions, tenants, wanted, strict=True))
    return [
        pick(row, *ENROLMENT_COLUMNS)
        for row in statement.scan("enrolments")
        if (row["partition"], row["tenant"], row["student_id"]) in places
    ]


@query("services.allocation.project", "students_of_mentors")
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


@query("services.audit.project", "load_tree")
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
