"""The read models replayed beside the served ones, from the own log and the subjects' keys."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import asyncpg

from services.intake.crypto.sealing import Keyring
from services.intake.decide.messages import READ_MODELS
from services.intake.decide.rows import Placed
from services.intake.project.facts import project
from services.intake.recover.facts import Subject, TopicFact, split, topic_fact
from services.intake.settings import Settings
from services.intake.verify.opened import QUERIES, Opened, open_sealed
from shared.append.log import Log
from shared.contracts.envelope import decode
from shared.contracts.facts import (
    FACT_NAMES,
    INTAKE_SOURCE,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)
from shared.errors import Held
from shared.postgres import Connection
from shared.project.columns import columns
from shared.service.resources import Resources
from shared.verification.findings import MOST_DIFFERENCES, ReadModelReport, RowDifference
from shared.verification.log_ends import check_ends
from shared.verification.shadow import PAGE_RECORDS, Pace, compare, shadow_tables

APPLICATION: Final = "intake verification"
TABLES: Final = (*READ_MODELS, "erasures", "subject_keys")
WORK_STATE: Final = {"erasures": ("settled",)}
UNSTORABLE: Final = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)


async def verify_read_models(settings: Settings, resources: Resources, keyring: Keyring) -> ReadModelReport:
    """Replays the whole log of one snapshot, and compares every column of every row.

    What is sealed is opened with the served keys: a key that does not open it is named. Of those who are erased
    nothing is opened; that nothing of them is left is what the comparison shows. Where the log holds what is no fact,
    nothing is compared, because a student's rows may come from several partitions; the report is not complete.
    """
    began = asyncio.get_running_loop().time()
    async with shadow_tables(resources.connect, APPLICATION, TABLES) as connection:
        replay = _Replay(connection, keyring, min(PAGE_RECORDS, settings.batch_records))
        differences = await check_ends(connection, settings.partitions)
        await connection.execute(QUERIES["erasures"], FACT_NAMES[StudentErased])
        for partition in range(settings.partitions):
            differences += await replay.partition(partition)
        rows = {}
        for table in TABLES if replay.complete else ():
            rows[table], found = await compare(connection, table, WORK_STATE.get(table, ()))
            differences += found
    seconds = round(asyncio.get_running_loop().time() - began, 3)
    return ReadModelReport(
        replay.facts, rows, differences[:MOST_DIFFERENCES], seconds, complete=replay.complete
    )


class _Replay:
    """The log, page by page, into the temporary tables."""

    def __init__(self, connection: Connection, keyring: Keyring, page_records: int) -> None:
        self.facts = 0
        self.complete = True
        self._connection = connection
        self._keyring = keyring
        self._page_records = page_records
        self._log = Log(INTAKE_SOURCE)
        self._pace = Pace()

    async def partition(self, number: int) -> list[RowDifference]:
        """One partition from its beginning; the keys that do not open what is sealed, each page's first ones."""
        found: list[RowDifference] = []
        read = 0
        while events := await self._log.read(self._connection, number, read, self._page_records):
            try:
                page = [topic_fact(number, event.sequence, decode(event.value)) for event in events]
                async with self._connection.transaction():
                    found += await self._project(page)
            except (Held, ValueError, *UNSTORABLE) as error:  # the check of the log names the row
                self.complete = False
                key = {"partition": str(number), "sequence": str(events[0].sequence)}
                message = (
                    f"a row of this page is no fact, or its row cannot be stored ({type(error).__name__})"
                )
                return [*found, RowDifference("log", key, ("value",), message)]
            self.facts, read = self.facts + len(events), events[-1].sequence
            del found[MOST_DIFFERENCES:]
            await self._pace.rest()
        return found

    async def _project(self, page: Sequence[TopicFact]) -> list[RowDifference]:
        rows = await self._connection.fetch(QUERIES["erased_among"], *split(item.owner for item in page))
        erased = {(row["tenant"], row["subject"]) for row in rows}
        kept = [item for item in page if item.owner not in erased]
        opened = await open_sealed(self._connection, self._keyring, kept)
        await self._put_students(kept, opened)
        placed = [
            Placed(
                item.tenant, item.fact, opened.fingerprints.get(number, b""), item.partition, item.sequence
            )
            for number, item in enumerate(kept)
        ]
        await project(self._connection, placed)
        return opened.differences

    async def _put_students(self, page: Sequence[TopicFact], opened: Opened) -> None:
        last: dict[Subject, TopicFact] = {}
        for item in page:
            if isinstance(item.fact, StudentRegistered | StudentWithdrawnFact):
                before = last.get(item.owner)
                if before is None or before.fact.version < item.fact.version:
                    last[item.owner] = item
        known = [
            _student(item, opened.lookups[owner]) for owner, item in last.items() if owner in opened.lookups
        ]
        if known:
            await self._connection.execute(QUERIES["put_students"], *columns(known))
        await self._move_students(last, opened.lookups)

    async def _move_students(self, last: dict[Subject, TopicFact], known: Collection[Subject]) -> None:
        moved = [_student(item, b"")[1:] for owner, item in last.items() if owner not in known]
        if moved:
            await self._connection.execute(QUERIES["move_students"], *columns(moved))


def _student(item: TopicFact, lookup: bytes) -> tuple[bytes, str, str, int, int]:
    fact = item.fact
    assert isinstance(fact, StudentRegistered | StudentWithdrawnFact)
    return lookup, item.tenant, fact.student_id, fact.gender, fact.version
