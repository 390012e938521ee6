"""Intake's queries of erasures that are not plain."""

from collections.abc import Sequence
from typing import Any

from tests.simulation.statements import Record, Statement
from tests.simulation.written import query


@query("services.intake.append", "sealed_last")
def sealed_last(statement: Statement, tenant: str, subject: str) -> list[Record]:
    key = statement.find("subject_keys", (tenant, subject))
    facts = [
        row
        for row in statement.scan("log")
        if (row["tenant"], row["subject"]) == (tenant, subject)
        and row["type"] == "rahnama.intake.student.registered.v1"
    ]
    if key is None or not facts:
        return []
    last = max(facts, key=lambda row: int(row["version"]))
    return [Record(wrapped_key=key["wrapped_key"], value=last["value"])]


@query("services.intake.project", "keep_erasures")
def keep_erasures(statement: Statement, *columns: Sequence[Any]) -> int:
    rows = [
        dict(zip(("tenant", "subject", "partition", "sequence"), values, strict=True))
        for values in zip(*columns, strict=True)
    ]
    new = [row for row in rows if statement.claim("erasures", (row["tenant"], row["subject"])) is None]
    for row in new:
        statement.put("erasures", statement.complete("erasures", row))
    return len(new)


@query("services.intake.project", "forget_students")
def forget_students(statement: Statement, tenants: Sequence[str], students: Sequence[Any]) -> list[Record]:
    gone = {(tenant, str(student)) for tenant, student in zip(tenants, students, strict=True)}
    doomed: list[tuple[str, tuple[Any, ...]]] = []
    for table in ("student_years", "students"):
        key_of = statement.key_of(table)
        rows = [row for row in statement.scan(table) if (row["tenant"], str(row["student_id"])) in gone]
        doomed += [(table, key_of(row)) for row in rows]
    doomed += [("subject_keys", (tenant, f"student/{student}")) for tenant, student in gone]
    for table, key in doomed:
        statement.lock(table, key)
    lookups = set()
    for table, key in doomed:
        row = statement.delete(table, key)
        if row is not None and row.get("lookup") is not None:
            lookups.add(row["lookup"])
    return [Record(lookup=lookup) for lookup in sorted(lookups)]


@query("services.intake.project", "forget_rejections")
def forget_rejections(statement: Statement, lookups: Sequence[bytes]) -> int:
    found = [row["rejection_id"] for row in statement.scan("rejections") if row["lookup"] in lookups]
    locked = [statement.lock("rejections", (rejection,)) for rejection in sorted(found)]
    named = [row for row in locked if row is not None and row["lookup"] in lookups]
    for row in named:
        statement.put("rejections", {**row, "wrapped_key": None, "sealed": None, "lookup": None})
    return len(named)


@query("services.intake.project", "erased_students")
def erased_students(statement: Statement) -> list[Record]:
    return [
        Record(tenant=row["tenant"], student_id=row["subject"].removeprefix("student/"))
        for row in statement.scan("erasures")
    ]
