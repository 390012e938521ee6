"""One batch of lost facts, in one transaction: log, head, read models and answers."""

from collections.abc import Collection, Mapping

from services.intake.crypto.sealing import Keyring
from services.intake.recover.answers import answer_facts
from services.intake.recover.facts import QUERIES, Subject, project_facts, topic_fact
from shared.append.log import COLUMNS
from shared.errors import CannotRecover
from shared.inbox.positions import Slice
from shared.postgres import Connection
from shared.recover.continuation import Standing


async def restore_batch(
    connection: Connection,
    keyring: Keyring,
    slice_: Slice[Standing],
    *,
    erased: Collection[Subject],
    digests: Mapping[bytes, bytes],
) -> None:
    """Commits the slice's events, byte for byte, with all that follows from them; or nothing of it."""
    partition = slice_.partition
    facts = [topic_fact(partition, record.sequence, record.envelope) for record in slice_.records]
    rows = [
        (
            partition, record.sequence, item.type, item.tenant, item.subject, item.fact.version,
            record.value, record.hash, item.causation_id, record.traceparent,
        )
        for record, item in zip(slice_.records, facts, strict=True)
    ]  # fmt: skip
    last = slice_.reached
    async with connection.transaction():
        moved = await connection.fetchval(
            QUERIES["move_head"],
            partition,
            last.sequence,
            last.hash,
            facts[-1].time,
            slice_.state.position.sequence,
        )
        if moved is None:
            raise CannotRecover(f"partition {partition} of the log has moved meanwhile")
        await connection.copy_records_to_table("log", records=rows, columns=COLUMNS)
        await project_facts(connection, keyring, facts, erased)
        await answer_facts(connection, facts, digests)
    slice_.state.position = last
