"""`managers`: one row per manager."""

from collections.abc import Sequence
from typing import Final

from services.intake.project.placed import Placed
from shared.contracts.facts import ManagerRegistered
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.intake.project")


async def project_managers(connection: Connection, placed: Sequence[Placed[ManagerRegistered]]) -> None:
    """Adds or replaces the managers' rows. Writers hold the tenant's reference lock, so nobody else does."""
    if placed:
        await connection.executemany(
            QUERIES["put_manager"],
            [
                (
                    item.tenant, item.fact.manager_id, item.fact.is_active, item.fact.centers,
                    item.fingerprint, item.fact.version, item.partition, item.sequence,
                )
                for item in placed
            ],
        )  # fmt: skip
