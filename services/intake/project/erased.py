"""What an erasure leaves of a student in intake's tables: its pseudonym, and where the log says that it is erased."""

from collections.abc import Iterable, Sequence
from typing import Final

from services.intake.decide.rows import Placed
from shared.contracts.facts import StudentErased
from shared.postgres import Connection, named_queries
from shared.project.columns import columns

QUERIES: Final = named_queries("services.intake.project", "erasure.sql")


async def project_erased(
    connection: Connection, placed: Sequence[Placed[StudentErased]], lookups: Iterable[bytes] = ()
) -> None:
    """Destroys the students' keys, mappings and years, and the content of rejections that name them.

    Rejections are found by the look-ups that the students had, and by `lookups` (HMACs of national IDs). Done again,
    it changes nothing.
    """
    if not placed:
        return
    rows = [
        (item.tenant, f"student/{item.fact.student_id}", item.partition, item.sequence) for item in placed
    ]
    await connection.execute(QUERIES["keep_erasures"], *columns(rows))
    await forget_students(connection, [(item.tenant, item.fact.student_id) for item in placed], lookups)


async def project_every_erased(connection: Connection) -> None:
    """Destroys again what belongs to anyone who was ever erased.

    It ends a rebuild: there a student's facts of another partition, or its key record, may come after its erasure.
    """
    rows = await connection.fetch(QUERIES["erased_students"])
    await forget_students(connection, [(row["tenant"], row["student_id"]) for row in rows])


async def forget_students(
    connection: Connection, students: Sequence[tuple[str, str]], lookups: Iterable[bytes] = ()
) -> None:
    """Destroys what is kept of these students (tenant, pseudonym), whatever the log says of them."""
    if not students:
        return
    rows = await connection.fetch(QUERIES["forget_students"], *columns(students))
    await connection.execute(
        QUERIES["forget_rejections"], sorted({*lookups, *(row["lookup"] for row in rows)})
    )
