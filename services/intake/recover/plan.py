"""What `recover` would bring back and destroy: found before anything is written, for the operator to agree to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.intake.crypto.sealing import Keyring
from services.intake.recover.facts import QUERIES, Subject, split
from services.intake.recover.keys import STUDENT, TopicKeys, owners_of, require_master_key
from services.intake.recover.lost import Lost
from services.intake.recover.missing_erasures import REGISTERED
from shared.errors import CannotRecover
from shared.postgres import Connection
from shared.recover.consent import Consent
from shared.recover.foreign import ForeignRecords


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts of what comes back, and every subject of which something is destroyed.

    `erased` are those with a fact of their erasure. `doubtful` are students with a tombstone alone. Both with the Kafka
    keys of their tombstones; None: no tombstone is left. `never_erased` are mentors and managers with a tombstone: no
    erasure writes one. `unused` have a key, but no fact. `keyless` need a key that is nowhere.
    """

    lost: Lost
    keys: int
    rejections: int
    erased: Mapping[Subject, bytes | None]
    doubtful: Mapping[Subject, bytes]
    never_erased: Sequence[Subject]
    unused: Sequence[Subject]
    keyless: Sequence[Subject]
    openable: frozenset[Subject]
    forgotten_rejections: int
    foreign: ForeignRecords

    def lines(self) -> Iterator[str]:
        """For the operator, before the question."""
        for partition, span in sorted(self.lost.spans.items()):
            yield (
                f"would bring back: partition {partition}: {span.facts} facts, sequences {span.first} to"
                f" {span.last}, recorded {span.begin} to {span.end}"
            )
        yield (
            f"would bring back: {self.lost.facts} facts, {self.keys} keys and {self.rejections} rejections"
            " in all"
        )
        for tenant, subject in sorted(self.erased):
            yield f"would destroy: the key and the data of {subject} of {tenant}; a fact of its erasure confirms it"
        for tenant, subject in self.unused:
            yield f"would destroy: the key of {subject} of {tenant}; no fact is about it"
        if self.forgotten_rejections:
            yield f"would destroy: the content of {self.forgotten_rejections} rejections of those who are erased"
        for tenant, subject in sorted(self.doubtful):
            yield (
                f"not destroyed unless confirmed: {subject} of {tenant} has a tombstone on rahnama.keys, but no fact"
                f" of an erasure: an interrupted erasure, or a foreign writer (--confirm-erasure {subject})"
            )
        for tenant, subject in self.never_erased:
            yield (
                f"not destroyed: {subject} of {tenant} has a tombstone on rahnama.keys, but only students are erased:"
                " a foreign writer"
            )
        yield from self.foreign.lines()
        if not (self.erased or self.unused or self.forgotten_rejections):
            yield "would destroy: nothing"

    def settle(self, consent: Consent) -> tuple[set[bytes], list[str]]:
        """The tombstones that count, and the subjects kept despite theirs, after asking for each and for the whole.

        Raises `NotConfirmed`, and `CannotRecover` when a fact needs a key that is nowhere, or that a doubtful tombstone
        took away.
        """
        if self.keyless:
            raise CannotRecover(
                f"the keys of {len(self.keyless)} subjects are missing, of {self.keyless[0][1]} for example: lost facts"
                " are sealed under them, but neither the database nor rahnama.keys has them. Nothing was changed."
                " Restore a newer backup of intake's database, which still has the keys"
            )
        confirmed = consent.confirmed(
            sorted({subject for _, subject in self.doubtful}), {subject for _, subject in self.lost.erased}
        )
        kept = [owner for owner in sorted(self.doubtful) if owner[1] not in confirmed]
        locked = [subject for tenant, subject in kept if (tenant, subject) not in self.openable]
        if locked:
            raise CannotRecover(
                f"the key of {locked[0]} is gone from rahnama.keys by a tombstone that no fact of an erasure confirms"
                f" ({len(locked)} such subjects); nothing was changed. If it was erased: --confirm-erasure"
                f" {locked[0]}. If not, restore a backup of intake's database that still has the key"
            )
        consent.require()
        buried = {index for index in self.erased.values() if index is not None}
        buried |= {index for owner, index in self.doubtful.items() if owner[1] in confirmed}
        return buried, [subject for _, subject in (*kept, *self.never_erased)]


async def make_plan(
    connection: Connection,
    keyring: Keyring,
    lost: Lost,
    keys: TopicKeys,
    rejections: int,
    foreign: ForeignRecords,
) -> Plan:
    """Reads only. Raises `CannotRecover` when the master key is another one. `lost.erased` holds everyone whose erasure is a fact, in the log or among the lost ones."""
    lost_owners = {(tenant, subject) for tenant, subject, _ in lost.last}
    rows = await connection.fetch(QUERIES["students_without_key"], REGISTERED)
    keyless = {(row["tenant"], row["subject"]) for row in rows}
    tombstoned = await owners_of(connection, keyring, keys, [*lost_owners, *keyless, *lost.erased])
    never_erased = sorted(owner for owner in tombstoned if not owner[1].startswith(STUDENT))
    doubtful = {
        owner: index
        for owner, index in tombstoned.items()
        if owner not in lost.erased and owner[1].startswith(STUDENT)
    }
    rows = await connection.fetch(QUERIES["keys_of"], *split({*lost.erased, *lost_owners}))
    kept = {(row["tenant"], row["subject"]) for row in rows}
    coming = set(keys.missing.values())
    needed = lost.sealed - lost.erased - kept - coming
    await require_master_key(connection, keyring, keys, needed=bool(needed))
    erased: dict[Subject, bytes | None] = dict.fromkeys({*lost.erasures, *(kept & lost.erased)})
    erased |= {owner: tombstoned.get(owner) for owner in tombstoned if owner in lost.erased}
    rows = await connection.fetch(QUERIES["unused_keys"])
    unused = [(row["tenant"], row["subject"]) for row in rows]
    gone = await connection.fetchval(QUERIES["rejections_of"], *split(erased))
    return Plan(
        lost,
        sum(
            index not in keys.tombstones or owner not in lost.erased for index, owner in keys.missing.items()
        ),
        rejections,
        {owner: index for owner, index in erased.items() if owner in kept or owner in lost.erasures},
        doubtful,
        never_erased,
        [owner for owner in unused if owner not in lost_owners],
        sorted(needed - set(doubtful)),
        frozenset(kept | coming | (set(doubtful) - lost_owners - keyless)),
        gone,
        foreign,
    )
