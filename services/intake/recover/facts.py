"""Facts as their log or topic tells them, and the fingerprints of what is sealed in them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from services.intake.crypto import digests
from services.intake.crypto.sealing import Keyring, unseal
from services.intake.decide.commands import Personal
from services.intake.decide.messages import FACTS
from services.intake.decide.rows import Placed
from services.intake.project.erased import project_erased
from services.intake.project.facts import project
from shared.contracts.envelope import Envelope
from shared.contracts.facts import (
    INTAKE_SOURCE,
    Fact,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
    decode_fact,
)
from shared.errors import CannotRecover, Unapplicable
from shared.postgres import Connection, named_queries
from shared.project.columns import columns

QUERIES: Final = named_queries("services.intake.recover")

Subject = tuple[str, str]
"""Tenant and subject."""


def split(owners: Iterable[Subject]) -> tuple[list[str], list[str]]:
    """Tenants and subjects, as queries take them; also of nobody."""
    found = sorted(set(owners))
    return [tenant for tenant, _ in found], [subject for _, subject in found]


PERSONAL: Final[Mapping[type[Fact], msgspec.json.Decoder[Personal]]] = {
    fact: msgspec.json.Decoder(kind.personal) for fact, kind in FACTS.items() if kind.personal is not None
}
"""What is sealed in the facts that seal anything."""


class TopicFact(NamedTuple):
    """A fact with its place, and what its envelope says beside."""

    partition: int
    sequence: int
    tenant: str
    subject: str
    type: str
    causation_id: str
    time: str
    fact: Fact

    @property
    def owner(self) -> Subject:
        """Whose it is."""
        return self.tenant, self.subject


def topic_fact(partition: int, sequence: int, envelope: Envelope) -> TopicFact:
    """The fact of an event. Raises `Unapplicable` when this release cannot read it."""
    try:
        fact = decode_fact(envelope.type, envelope.data)
    except KeyError:
        reason = f"this release knows no type {envelope.type}"
        raise Unapplicable(INTAKE_SOURCE, partition, sequence, reason) from None
    except msgspec.DecodeError as error:
        raise Unapplicable(INTAKE_SOURCE, partition, sequence, str(error)) from None
    return TopicFact(
        partition,
        sequence,
        envelope.tenant,
        envelope.subject,
        envelope.type,
        envelope.causationid,
        envelope.time,
        fact,
    )


async def erased_subjects(connection: Connection) -> set[Subject]:
    """Everyone who is erased, as far as the database knows."""
    return {(row["tenant"], row["subject"]) for row in await connection.fetch(QUERIES["erased"])}


async def _data_keys(
    connection: Connection, keyring: Keyring, owners: Iterable[Subject]
) -> dict[Subject, bytes]:
    """The data keys of these subjects, as far as there are any. Raises `CannotRecover` for another master key."""
    rows = await connection.fetch(QUERIES["keys_of"], *columns(sorted(set(owners))))
    try:
        return {(row["tenant"], row["subject"]): keyring.unwrap(row["wrapped_key"]) for row in rows}
    except InvalidUnwrap:
        raise CannotRecover("the keys in the database were wrapped under another master key") from None


async def _placed(
    connection: Connection, keyring: Keyring, facts: Sequence[TopicFact], erased: Collection[Subject]
) -> list[Placed[Fact]]:
    """What the projections are given. Nothing of those who are erased: their data cannot be opened any more."""
    kept = [item for item in facts if item.owner not in erased]
    sealed = [item.owner for item in kept if type(item.fact) in PERSONAL]
    keys = await _data_keys(connection, keyring, sealed) if sealed else {}
    missing = {owner for owner in sealed if owner not in keys}
    if missing:
        raise CannotRecover(
            f"the keys of {len(missing)} subjects are missing, of {min(missing)[1]} for example:"
            " their records on rahnama.keys are lost"
        )
    return [
        Placed(item.tenant, item.fact, _fingerprint(keyring, keys, item), item.partition, item.sequence)
        for item in kept
    ]


def _fingerprint(keyring: Keyring, keys: Mapping[Subject, bytes], item: TopicFact) -> bytes:
    fact: Any = item.fact
    if type(fact) not in PERSONAL:
        return b""
    try:
        content = unseal(
            keys[item.owner], fact.sealed, tenant=item.tenant, subject=item.subject, kind=item.type
        )
    except InvalidTag:
        raise CannotRecover(
            f"what is sealed in sequence {item.sequence} of partition {item.partition} does not open with"
            f" the key of {item.subject}"
        ) from None
    personal = PERSONAL[type(fact)].decode(content)
    return digests.fingerprint(keyring.tenant(item.tenant).mac, personal)


async def project_facts(
    connection: Connection, keyring: Keyring, facts: Sequence[TopicFact], erased: Collection[Subject]
) -> None:
    """Brings the read models to where `facts` lead, of each partition in the order of the log.

    `erased` are all who are, also by facts that come later: nothing of them is there even for a while. Raises
    `CannotRecover` when the key of anybody else is missing, or does not fit.
    """
    await _put_students(connection, facts, erased)
    await project(connection, await _placed(connection, keyring, facts, erased))
    gone = [
        Placed(item.tenant, item.fact, b"", item.partition, item.sequence)
        for item in facts
        if isinstance(item.fact, StudentErased)
    ]
    await project_erased(connection, gone)


async def _put_students(
    connection: Connection, facts: Sequence[TopicFact], erased: Collection[Subject]
) -> None:
    """The versions of the students whom `facts` are about, and who they are."""
    last: dict[Subject, tuple[str, str, int, int]] = {}
    for item in facts:
        fact = item.fact
        if isinstance(fact, StudentRegistered | StudentWithdrawnFact) and item.owner not in erased:
            before = last.get(item.owner)
            if before is None or before[3] < fact.version:
                last[item.owner] = (item.tenant, fact.student_id, fact.gender, fact.version)
    if last:
        await connection.execute(QUERIES["put_students"], *columns(list(last.values())))
