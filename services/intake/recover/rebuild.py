"""`rebuild`: the read models told again from the own log. Keys, answers and rejections are no read models, and stay.

One transaction, so that an interrupted rebuild has changed nothing.
"""

from collections.abc import AsyncIterator, Collection
from typing import Final

from services.intake.crypto.sealing import Keyring
from services.intake.decide.messages import READ_MODELS
from services.intake.project.erased import project_every_erased
from services.intake.recover.facts import Subject, erased_subjects, project_facts, topic_fact
from services.intake.settings import Settings
from shared.append.log import Head, Log, require_partitions
from shared.contracts.envelope import decode
from shared.contracts.facts import INTAKE_SOURCE
from shared.errors import CannotRecover
from shared.postgres import Connection
from shared.recover.digests import compared, digest_tables
from shared.recover.exclusive import exclusive

APPLICATION: Final = "intake rebuild"


async def rebuild(settings: Settings) -> AsyncIterator[str]:
    """Rewrites the read models; yields for each table whether it has changed.

    Raises `CannotRecover` when a key is missing or another master key is given; then nothing has changed.
    """
    keyring = Keyring(settings.read_master_key())
    async with exclusive(settings.database_url, INTAKE_SOURCE, APPLICATION) as connection:
        await require_partitions(connection, settings.partitions)
        log = Log(INTAKE_SOURCE)
        async with connection.transaction():
            before = await digest_tables(connection, READ_MODELS)
            await connection.execute(f"truncate {', '.join(READ_MODELS)}")
            erased = await erased_subjects(connection)
            facts = 0
            for head in (await log.heads(connection)).values():
                facts += head.sequence
                await _tell(connection, log, keyring, head, erased, settings.batch_records)
            await project_every_erased(connection)
            lines = list(compared(before, await digest_tables(connection, READ_MODELS)))
        for line in lines:
            yield line
        yield f"the read models are told again from {facts} facts"


async def _tell(
    connection: Connection,
    log: Log,
    keyring: Keyring,
    head: Head,
    erased: Collection[Subject],
    batch_records: int,
) -> None:
    read = 0
    while events := await log.read(connection, head.partition, read, batch_records):
        facts = [topic_fact(event.partition, event.sequence, decode(event.value)) for event in events]
        await project_facts(connection, keyring, facts, erased)
        read = events[-1].sequence
    if read != head.sequence:
        raise CannotRecover(f"partition {head.partition} of the log ends at {read}, not at {head.sequence}")
