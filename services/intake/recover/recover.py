"""`recover`: facts that a restored database has lost come back from their topic, byte for byte, with all that follows.

In this order, so that it may be interrupted anywhere and given again: with nothing written, all lost facts are read
and checked, and the operator agrees to what would come back and what would be destroyed; a mark in the database keeps
the service from starting until the end; the keys come back; the records of `rahnama.inbound` that must not be applied
again get their answers; then the facts; and then what had left by half is completed.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from services.intake.append.inbound import load_all_inbound
from services.intake.crypto.sealing import Keyring
from services.intake.project.erased import forget_students, project_every_erased
from services.intake.recover.facts import QUERIES, erased_subjects
from services.intake.recover.inbound import (
    answer_unchanged,
    answered_among,
    erased_since,
    overtaken,
    students_of,
)
from services.intake.recover.incomplete_moves import complete_moves, references_apart
from services.intake.recover.keys import STUDENT, TopicKeys, destroy_keys, read_keys, recover_keys
from services.intake.recover.lost import Lost, read_lost
from services.intake.recover.missing_erasures import append_missing_erasures, buried_among
from services.intake.recover.plan import make_plan
from services.intake.recover.read_again import INBOUND, read_again
from services.intake.recover.rejections import LostRejection, read_rejections, restore_rejections
from services.intake.recover.restore_batch import restore_batch
from services.intake.settings import Settings
from shared.append.clock import system_clock
from shared.append.log import Head, Log, require_partitions
from shared.contracts.facts import INTAKE_SOURCE
from shared.errors import Held
from shared.inbox.positions import Position
from shared.kafka.aio_clients import AioKafkaClients
from shared.postgres import Connection
from shared.recover.consent import Consent
from shared.recover.continuation import Standing, continuation, first_difference
from shared.recover.exclusive import begin_command, end_command, exclusive
from shared.recover.foreign import ForeignRecords
from shared.recover.reading import TopicReader, open_reader

APPLICATION: Final = "intake recover"
KEYS: Final = "keys"
REJECTIONS: Final = "rejections"


async def recover(settings: Settings, consent: Consent) -> AsyncIterator[str]:
    """Brings log, read models and answers to where the topic of facts is. Reports line by line, the plan first.

    Raises `NotConfirmed` with nothing changed, `CannotRecover`, and `Held` (a `Fork` above all); what was committed
    before is right and stays.
    """
    keyring = Keyring(settings.read_master_key())
    kafka = AioKafkaClients(settings.kafka_bootstrap, settings.topic(INTAKE_SOURCE))
    async with (
        exclusive(settings.database_url, INTAKE_SOURCE, APPLICATION) as connection,
        open_reader(kafka, batch_records=settings.batch_records) as reader,
        open_reader(kafka, read_committed=True) as inbound,
    ):
        await require_partitions(connection, settings.partitions)
        for name in (INTAKE_SOURCE, KEYS, REJECTIONS):
            await reader.require_partitions(settings.topic(name), settings.partitions)
        work = _Recovery(settings, keyring, connection, reader)
        foreign = ForeignRecords()
        await work.read_lost(foreign)
        keys = await work.keys(foreign)
        refused = len(await work.rejections(foreign))
        plan = await make_plan(connection, keyring, work.lost, keys, refused, foreign)
        for line in plan.lines():
            yield line
        tombstones, kept = plan.settle(consent)
        # Before anything is destroyed: a service without this mark would start with keys gone and no erasure appended.
        await begin_command(connection, APPLICATION)
        added = await recover_keys(
            connection, reader, keyring, settings.topic(KEYS), settings.partitions, buried=tombstones
        )
        answered, refused = await work.answer_inbound(inbound)
        gone = await destroy_keys(connection, keyring, tombstones)
        work.lost.erased |= buried_among(work.lost, keyring, tombstones)
        await work.forget_erased()
        yield f"{added} keys are back" + (f", {gone} were destroyed by erasures" if gone else "")
        yield f"{work.lost.facts} facts are lost; {answered} events that came to nothing are not applied again"
        yield f"{refused} rejections are back"
        for subject in kept:
            yield f"{subject} is kept: nothing confirms its tombstone"
        if kept:
            await connection.execute(QUERIES["forget_anchors"])
            yield "intake sends every key to rahnama.keys again after its start, behind these tombstones"
        async for line in work.restore_batch():
            yield line
        async for line in _complete(connection, keyring, settings.partitions, tombstones):
            yield line
        await end_command(connection, APPLICATION)
        for line in foreign.warning():
            yield line
        yield f"{work.lost.facts} facts are back; each is the event that {settings.topic(INTAKE_SOURCE)} holds"


async def _complete(
    connection: Connection, keyring: Keyring, partitions: int, tombstones: set[bytes]
) -> AsyncIterator[str]:
    """Appends what had left by half, and reports what cannot be completed."""
    completed, reopened = await complete_moves(connection, keyring, system_clock, partitions)
    if completed:
        yield f"{completed} moves between pools had left by half, and are completed by their withdrawals"
    for subject in reopened:
        yield (
            f"{subject} was moved between pools, and the new half is lost: it is there as it was in the old pool,"
            " but its event must be sent again"
        )
    if said := await append_missing_erasures(connection, keyring, system_clock, partitions, tombstones):
        yield f"{said} erasures had left by their tombstones alone, and are said again"
    for line in await references_apart(connection):
        yield line


class _Recovery:
    """One command's way, step by step."""

    def __init__(
        self, settings: Settings, keyring: Keyring, connection: Connection, reader: TopicReader
    ) -> None:
        self.lost = Lost()
        self._settings = settings
        self._keyring = keyring
        self._connection = connection
        self._reader = reader
        self._topic = settings.topic(INTAKE_SOURCE)
        self._heads: dict[int, Head] = {}
        self._digests: dict[bytes, bytes] = {}
        self._erased: dict[bytes, str] = {}

    async def read_lost(self, foreign: ForeignRecords) -> None:
        """Reads and checks; writes nothing. Records that are no events of the log are added to `foreign`."""
        self._heads = await Log(INTAKE_SOURCE).heads(self._connection)
        try:
            self.lost = await read_lost(self._reader, self._topic, self._heads, foreign)
        except Held as held:
            raise await first_difference(
                self._connection, self._reader, self._topic, held.partition, held
            ) from None
        self.lost.erased |= await erased_subjects(self._connection)

    async def keys(self, foreign: ForeignRecords) -> TopicKeys:
        """What `rahnama.keys` holds; records that do not open are added to `foreign`."""
        topic, count = self._settings.topic(KEYS), self._settings.partitions
        return await read_keys(self._connection, self._reader, self._keyring, topic, count, foreign)

    async def answer_inbound(self, inbound: TopicReader) -> tuple[int, int]:
        """Answers the records that must not be applied again, or were refused; how many events these are."""
        students = await students_of(self._connection, self.lost)
        rejections = await self.rejections(ForeignRecords())  # the plan has reported them
        places = {one.place: one for one in rejections if one.place is not None}
        there = await inbound.partitions(self._settings.topic(INBOUND))
        lanes = [
            await read_again(inbound, self._settings, self._keyring, partition, position, students, places)
            for partition, position in (await load_all_inbound(self._connection)).items()
            if partition in there
        ]
        self._erased = await erased_since(self._connection, self.lost, lanes)
        refused = await restore_rejections(
            self._connection, self._keyring, rejections, accepted=self.lost.causes
        )
        answered = 0
        for records in lanes:
            for record in records:
                if record.key in self.lost.causes:
                    self._digests.setdefault(record.key, record.digest)
            known = await answered_among(self._connection, records)
            answered += await answer_unchanged(
                self._connection, overtaken(records, self.lost, known, self._erased)
            )
        return answered, refused

    async def forget_erased(self) -> None:
        """Destroys what the backup had of those who were erased since, and what was refused of them.

        A tombstone may be gone by compaction; and whoever came again after an erasure takes the same look-up.
        """
        gone = [(tenant, subject.removeprefix(STUDENT)) for tenant, subject in sorted(self.lost.erasures)]
        async with self._connection.transaction():
            await forget_students(self._connection, gone, self._erased)

    async def restore_batch(self) -> AsyncIterator[str]:
        """Writes the facts, partition by partition."""
        for partition, head in self._heads.items():
            standing = Standing(Position(head.sequence, head.hash))
            foreign = ForeignRecords()  # `read_lost` has reported them
            slices = continuation(self._reader, INTAKE_SOURCE, self._topic, partition, standing, foreign)
            async with aclosing(slices):
                async for slice_ in slices:
                    await restore_batch(
                        self._connection,
                        self._keyring,
                        slice_,
                        erased=self.lost.erased,
                        digests=self._digests,
                    )
            if standing.position.sequence > head.sequence:
                yield f"partition {partition}: sequences {head.sequence + 1} to {standing.position.sequence}"
        async with self._connection.transaction():
            await project_every_erased(self._connection)
            await self._connection.execute(QUERIES["drop_unused_keys"])

    async def rejections(self, foreign: ForeignRecords) -> list[LostRejection]:
        """Those that the database has not; records that are none are added to `foreign`."""
        topic, count = self._settings.topic(REJECTIONS), self._settings.partitions
        return await read_rejections(
            self._connection, self._reader, topic, count, accepted=self.lost.causes, foreign=foreign
        )
