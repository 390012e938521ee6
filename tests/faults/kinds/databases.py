"""`pg_terminate_backend`: connections that Postgres ends, idle or in the middle of a transaction."""

import asyncpg

from infra.services import LOGS, NAMES
from shared.postgres import TRANSIENT_ERRORS
from tests.faults.fault_context import FaultContext

ALL = """
select pg_terminate_backend(pid) from pg_stat_activity
where usename = $1 and backend_type = 'client backend' and pid <> pg_backend_pid()
"""
IN_TRANSACTION = ALL + " and xact_start is not null"
MOST_ROUNDS = 40
"""As long as none is found; each about a tenth of a second after the one before."""
RELAY = ALL + " and application_name like '%-relay'"


async def backends_are_terminated(context: FaultContext) -> None:
    """All of a service, those that are in a transaction, or the session that holds its relay's locks; several times."""
    which = context.draw.choice((ALL, IN_TRANSACTION, IN_TRANSACTION, RELAY))
    service = context.draw.choice(LOGS if which == RELAY else NAMES)
    await context.underway(0.4)
    ended = 0
    try:
        admin = await asyncpg.connect(context.proxied.system.admin_dsn, timeout=5)
        try:
            rounds = context.draw.randint(3, 12)
            for number in range(MOST_ROUNDS):
                if number >= rounds and ended:
                    break
                ended += len(await admin.fetch(which, f"rahnama_{service}", timeout=5))
                await context.pause(0.0, 0.2)
        finally:
            await admin.close(timeout=5)
    except (asyncpg.PostgresError, *TRANSIENT_ERRORS) as error:
        context.notes.append(f"Postgres itself was gone: {error!r}")
    kind = {ALL: "any", IN_TRANSACTION: "busy", RELAY: "the relay's"}[which]
    context.witness(ended > 0, f"{service} had no such backend in {MOST_ROUNDS} rounds")
    context.do(f"pg_terminate_backend of {service}, {kind}: {ended} times")
