"""From what was decided to what the log appends: facts with their personal data sealed, and their trace context."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from services.intake.append.fresh_keys import SubjectKey
from services.intake.append.sealing import Keyring, new_data_key, seal
from services.intake.append.settle import Pending
from services.intake.decide.commands import PublishSchoolRoster
from services.intake.decide.decide import with_seal
from shared.append.log import Draft
from shared.contracts.facts import SchoolRosterPublished, StudentWithdrawnFact
from shared.postgres import Connection, named_queries
from shared.telemetry import OpenSpan, SpanKind, Telemetry, is_sampled

QUERIES: Final = named_queries("services.intake.append")
FACT_PREFIX: Final = "rahnama.intake."
FIRST_VERSION: Final = 1

_encode: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Drafted:
    """The drafts in the order of `pending`, the keys of subjects that are new, and the spans that are open."""

    drafts: list[Draft] = field(default_factory=list)
    keys: list[SubjectKey] = field(default_factory=list)
    spans: list[OpenSpan] = field(default_factory=list)


async def draft_facts(
    connection: Connection, pending: Sequence[Pending], keyring: Keyring, telemetry: Telemetry
) -> Drafted:
    """Seals the personal data of each fact under its subject's own key; new subjects get one here."""
    drafted = Drafted()
    data_keys = await _known_keys(connection, pending, keyring)
    for item in pending:
        traceparent = item.settled.arrival.traceparent
        if traceparent is not None and is_sampled(traceparent):
            span = telemetry.begin(_span_name(item.new.type), traceparent, SpanKind.INTERNAL)
            if span is not None:
                drafted.spans.append(span)
                traceparent = span.traceparent
        drafted.drafts.append(_draft(item, _sealed_data(item, keyring, data_keys, drafted), traceparent))
    return drafted


async def _known_keys(
    connection: Connection, pending: Sequence[Pending], keyring: Keyring
) -> dict[tuple[str, str], bytes]:
    """The data keys of subjects that the batch did not create."""
    wanted: dict[str, set[str]] = {}
    for item in pending:
        fact = item.new.fact
        if fact.version > FIRST_VERSION and not isinstance(fact, SchoolRosterPublished):
            wanted.setdefault(item.settled.arrival.tenant, set()).add(item.new.subject)
    return {
        (tenant, row["subject"]): keyring.unwrap(row["wrapped_key"])
        for tenant, subjects in wanted.items()
        for row in await connection.fetch(QUERIES["subject_keys"], tenant, sorted(subjects))
    }


def _sealed_data(
    item: Pending, keyring: Keyring, data_keys: dict[tuple[str, str], bytes], drafted: Drafted
) -> bytes:
    """The JSON of the fact. A subject's first fact brings its key into `data_keys` and `drafted.keys`."""
    arrival, new = item.settled.arrival, item.new
    command, fact = arrival.command, new.fact
    assert command is not None
    if isinstance(command, PublishSchoolRoster) or isinstance(
        fact, SchoolRosterPublished | StudentWithdrawnFact
    ):
        return _encode(fact)
    owner = (arrival.tenant, new.subject)
    data_key = data_keys.get(owner)
    if data_key is None:
        data_key = data_keys[owner] = new_data_key()
        wrapped = keyring.wrap(data_key)
        drafted.keys.append(SubjectKey(arrival.tenant, new.subject, arrival.lookup, wrapped))
    sealed = seal(
        data_key, _encode(command.personal), tenant=arrival.tenant, subject=new.subject, kind=new.type
    )
    return _encode(with_seal(fact, sealed))


def _draft(item: Pending, data: bytes, traceparent: str | None) -> Draft:
    arrival, new = item.settled.arrival, item.new
    return Draft(
        new.partition,
        new.type,
        arrival.tenant,
        new.subject,
        new.fact.version,
        arrival.causation_id,
        data,
        traceparent,
    )


def _span_name(fact_type: str) -> str:
    """`append student.registered` for `rahnama.intake.student.registered.v1`."""
    return f"append {fact_type.removeprefix(FACT_PREFIX).rpartition('.')[0]}"
