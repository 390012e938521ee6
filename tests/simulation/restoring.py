"""Databases set back to an older copy. Audit's reads on by itself; a log's must be recognised before anything grows.

In the end a log's database is set forth again to what it was: whoever restored the wrong copy finds the right one.
"""

import asyncio
import random
from typing import Final

import msgspec

from infra.services import NAMES
from tests.simulation.database import Database
from tests.simulation.installation import Installation
from tests.simulation.sessions import lost_connection
from tests.simulation.tables import Snapshot

OLDER_SECONDS: Final = 5.0
DOWN_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 8.0


class DidNotHappen(Exception):
    """There was nothing that a fault could have broken."""


class Restoring:
    """One database at a time is older than its topic. `findings` tell what grew that must not."""

    def __init__(self, installation: Installation, chance: random.Random) -> None:
        self._installation = installation
        self._chance = chance
        self.findings: list[str] = []
        self.restored: set[str] = set()
        """The logs whose databases are older now than their topics: nothing else may happen to these topics."""
        self.refused = False
        """Whether an operator mends something else."""

    async def restore(self) -> None:
        """Sets some database back."""
        service = self._chance.choice(NAMES)
        database = self._installation.databases[service]
        if service in self.restored or self.refused:
            raise DidNotHappen
        copy = database.copy_tables()
        await asyncio.sleep(self._chance.random() * OLDER_SECONDS)
        if self.refused:
            raise DidNotHappen
        if service == "audit":
            await self.exchange(database, copy)
        elif service not in self.restored and self._topic_is_ahead(service, copy):
            self.restored.add(service)
            try:
                await self._restore_log(database, copy)
            finally:
                self.restored.discard(service)
        else:
            raise DidNotHappen

    async def _restore_log(self, database: Database, copy: Snapshot) -> None:
        self._installation.set_back.add(database.service)
        newest = await self.exchange(database, copy)
        await asyncio.sleep(self._chance.random() * LOOK_SECONDS)
        grown = database.tables["log"].keys() - copy["log"].keys()
        if grown:
            self.findings.append(f"a restored log of {database.service} grew by {sorted(grown)}")
        await self.exchange(database, newest)

    async def exchange(self, database: Database, copy: Snapshot) -> Snapshot:
        """The server stops, gets other files, and starts again; returns what it had."""
        database.down = True
        for session in list(database.sessions):
            database.end_session(session, lost_connection(self._chance))
        await asyncio.sleep(0.1 + self._chance.random() * DOWN_SECONDS)
        for session in list(database.sessions):  # who had begun to connect before it went down
            database.end_session(session, lost_connection(self._chance))
        present = database.copy_tables()
        database.restore(copy)
        database.down = False
        return present

    def _topic_is_ahead(self, source: str, copy: Snapshot) -> bool:
        """Whether the topic can tell that the copy is an older one."""
        for log in self._installation.broker.topics.get(f"rahnama.{source}", ()):
            sequences = [int(msgspec.json.decode(record.value or b"")["sequence"]) for record in log.records]
            if sequences and sequences[-1] > copy["log_head"][log.number,]["sequence"]:
                return True
        return False
