"""What is sealed in a page of facts, opened with the served keys: fingerprints, look-ups, and the keys that do not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from services.intake.crypto import digests
from services.intake.crypto.sealing import Keyring, unseal
from services.intake.decide.student_registered import PersonalStudent
from services.intake.recover.facts import PERSONAL, Subject, TopicFact, split
from shared.postgres import Connection, named_queries
from shared.project.columns import columns
from shared.verification.findings import RowDifference

QUERIES: Final = named_queries("services.intake.verify")


@dataclass(slots=True)
class Opened:
    """Fingerprints by the fact's place in the page, look-ups of students, and what could not be opened."""

    fingerprints: dict[int, bytes] = field(default_factory=dict)
    lookups: dict[Subject, bytes] = field(default_factory=dict)
    differences: list[RowDifference] = field(default_factory=list)


async def open_sealed(connection: Connection, keyring: Keyring, page: Sequence[TopicFact]) -> Opened:
    """Opens all that is sealed in `page`, and puts the keys that opened it into the temporary table."""
    opened = Opened()
    sealed = [(number, item) for number, item in enumerate(page) if type(item.fact) in PERSONAL]
    if not sealed:
        return opened
    rows = await connection.fetch(QUERIES["served_keys"], *split(item.owner for _, item in sealed))
    keys: Mapping[Subject, bytes] = {(row["tenant"], row["subject"]): row["wrapped_key"] for row in rows}
    fitting: dict[Subject, tuple[Any, ...]] = {}
    failed: set[Subject] = set()
    for number, item in sealed:
        wrapped = keys.get(item.owner)
        if wrapped is None:  # the comparison names the missing row
            fitting.setdefault(item.owner, (item.tenant, item.subject, None, b""))
            continue
        try:
            personal = _open(keyring, wrapped, item)
        except (InvalidUnwrap, InvalidTag, ValueError):
            failed.add(item.owner)
            continue
        tenant = keyring.tenant(item.tenant)
        opened.fingerprints[number] = digests.fingerprint(tenant.mac, personal)
        lookup = None
        if isinstance(personal, PersonalStudent):
            lookup = opened.lookups[item.owner] = tenant.lookup(personal.national_id)
        fitting[item.owner] = (item.tenant, item.subject, lookup, wrapped)
    opened.differences += [_unopened(owner) for owner in sorted(failed)]
    if fitting:
        await connection.execute(QUERIES["put_keys"], *columns(list(fitting.values())))
    return opened


def _open(keyring: Keyring, wrapped: bytes, item: TopicFact) -> Any:
    fact: Any = item.fact
    content = unseal(
        keyring.unwrap(wrapped), fact.sealed, tenant=item.tenant, subject=item.subject, kind=item.type
    )
    return PERSONAL[type(fact)].decode(content)


def _unopened(owner: Subject) -> RowDifference:
    key = {"tenant": owner[0], "subject": owner[1]}
    message = "the key does not open what is sealed in the log under it"
    return RowDifference("subject_keys", key, ("wrapped_key",), message)
