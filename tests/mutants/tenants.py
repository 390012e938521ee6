"""Mutants of the tenant in each query: another tenant's rows do not exist."""

from tests.mutants.mutant import Mutant

INTAKE = "services/intake/query/queries.sql"
ALLOCATION = "services/allocation/query/queries.sql"
AUDIT = "services/audit/query/queries.sql"


def _mutant(name: str, file: str, old: str, tenant: str = "tenant = $1") -> Mutant:
    """Of one query, whose parameter keeps its type."""
    service = file.split("/")[1]
    tests = "test_records" if service == "audit" else "test_tenants"
    parameter = tenant.rpartition(" ")[2]
    return Mutant(
        f"{service}-{name}-of-every-tenant",
        f"a caller reads {name} of other tenants",
        file,
        old,
        old.replace(tenant, f"{parameter}::text is not null"),
        (f"tests/integration/{service}/{tests}.py",),
    )


TENANTS = (
    _mutant("mentors", ALLOCATION, "where m.tenant = $1 and m.mentor_id > $3", "m.tenant = $1"),
    _mutant("allocation", ALLOCATION, "    where tenant = $1 and student_id = $2 and"),
    _mutant("allocations", ALLOCATION, "    where tenant = $1 and year = $2 and"),
    _mutant("waitlist", ALLOCATION, "where tenant = $1 and ($2::smallint is null or year = $2) and status"),
    _mutant("occupancy", ALLOCATION, "where m.tenant = $1 and (m.active", "m.tenant = $1"),
    _mutant("statuses", ALLOCATION, "    where tenant = $1 and year = $2\n"),
    _mutant("mentor-exists", ALLOCATION, "    where tenant = $1 and mentor_id = $2 and ($3"),
    _mutant("students", INTAKE, "where tenant = $1\n  and (year, student_id)"),
    _mutant("student", INTAKE, "where tenant = $1 and student_id = $2\n"),
    _mutant("mentors", INTAKE, "where tenant = $1 and mentor_id > $2"),
    _mutant("mentor", INTAKE, "where tenant = $1 and mentor_id = $2"),
    _mutant("managers", INTAKE, "where tenant = $1 and manager_id > $2"),
    _mutant("manager", INTAKE, "where tenant = $1 and manager_id = $2"),
    _mutant("rosters", INTAKE, "where tenant = $1 and year > $2"),
    _mutant("roster", INTAKE, "where tenant = $1 and year = $2"),
    _mutant("records", AUDIT, "(type = $5 and tenant = $6)", "tenant = $6"),
    _mutant("records-of-a-subject", AUDIT, "where subject = $1 and tenant = $2", "tenant = $2"),
)
