"""From the bytes at a door to an arrival: opened, given to its tenant, normalised, digested. No I/O."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, NamedTuple

from services.intake.append.decide_batch import Door, ReceivedEvent
from services.intake.append.inbound import Headers, InboundRecord
from services.intake.crypto import digests
from services.intake.crypto.sealing import Keyring, TenantKey
from services.intake.decide.binary_mode import open_record
from services.intake.decide.commands import Command
from services.intake.decide.events import UTF8_BOM, BrokenEvent, InboundEvent, open_event
from services.intake.decide.long_events import open_long_event, open_long_record
from services.intake.decide.messages import parse
from services.intake.decide.problems import EVENT_INVALID
from services.intake.decide.readable_centers import readable_centers
from services.intake.inbox.batches import BatchUnreadable, split_batch
from services.intake.inbox.people import lookup_of, names_several
from services.intake.inbox.refusals import (
    SOURCE_NOT_ALLOWED,
    batch_unreadable,
    event_too_large,
    skipped_batch,
    too_many_events,
)
from services.intake.settings import Settings
from shared.append.clock import Clock, system_clock
from shared.errors import FieldError
from shared.kafka.bounded_batches import SkippedBatch
from shared.telemetry import accept_traceparent

TEHRAN: Final = timezone(timedelta(hours=3, minutes=30))
"""Asia/Tehran, which has had no daylight saving time since 2022."""
BATCH_TYPE: Final = b"application/cloudevents-batch+json"
BATCH_EVENTS: Final = 1_000
NO_TENANT: Final = ""
"""What came over Kafka from an unknown source belongs to nobody: only the installation's operators see it."""


def _is_batch(headers: Headers) -> bool:
    return any(
        name.lower() == "content-type" and (raw or b"").lower().startswith(BATCH_TYPE)
        for name, raw in headers
    )


_TYPE: Final = re.compile(r"rahnama\.[a-z.-]{1,64}\.v[0-9]{1,3}")


class Delivery(NamedTuple):
    """What a door knows of an event beside its content."""

    value: bytes
    tenant: str
    traceparent: str | None
    door: Door
    partition: int | None = None
    offset: int | None = None


class Days:
    """The date in Tehran, formatted once a day."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._today = ""
        self._begins = self._ends = datetime.min.replace(tzinfo=UTC)

    def today(self) -> str:
        """`2026-03-21`, by the clock."""
        now = self._clock()
        if not self._begins <= now < self._ends:
            local = now.astimezone(TEHRAN)
            self._begins = local.replace(hour=0, minute=0, second=0, microsecond=0)
            self._ends = self._begins + timedelta(days=1)
            self._today = local.date().isoformat()
        return self._today


class Receiver:
    """Knows whose each source is. `event_bytes` bounds one event. `spreadsheet_tenants` send spreadsheets' values."""

    def __init__(
        self,
        keyring: Keyring,
        sources: Mapping[str, str],
        clock: Clock = system_clock,
        *,
        event_bytes: int,
        batch_events: int = BATCH_EVENTS,
        spreadsheet_tenants: frozenset[str] = frozenset(),
    ) -> None:
        self._spreadsheet_tenants = spreadsheet_tenants
        self._batch_events = batch_events
        self._days = Days(clock)
        self._keyring = keyring
        self._sources = sources
        self._event_bytes = event_bytes

    def from_http(self, value: bytes, tenant: str, traceparent: str | None) -> ReceivedEvent:
        """One JSON document of a request whose token names `tenant`."""
        return self._arrival(self._event(value), Delivery(value, tenant, traceparent, "http"))

    def from_http_binary(
        self, headers: Sequence[tuple[str, bytes]], value: bytes, tenant: str, traceparent: str | None
    ) -> ReceivedEvent:
        """An event in binary mode: its attributes as `ce_` headers, `data` as the value."""
        return self._arrival(open_record(headers, value), Delivery(value, tenant, traceparent, "http"))

    def from_kafka(self, partition: int, record: InboundRecord) -> list[ReceivedEvent]:
        """The events of one record of `rahnama.inbound`, at least one; the tenant is the source's.

        A record is one event, or a batch of at most `batch_events` where its content type says so.
        """
        value = record.value or b""
        if isinstance(value, SkippedBatch):
            return [self._refused(skipped_batch(value), value, partition, record)]
        if not _is_batch(record.headers):
            is_long = len(value) > self._event_bytes
            event = (open_long_record if is_long else open_record)(record.headers, value)
            return [self._from_record(event, value, partition, record)]
        items = []
        try:
            for item in split_batch(value.removeprefix(UTF8_BOM), self._batch_events):
                items.append(bytes(item))
                if len(items) > self._batch_events:
                    error = too_many_events(value, self._batch_events)
                    return [self._refused(error, value, partition, record)]
        except BatchUnreadable as unreadable:
            return [self._refused(batch_unreadable(value, unreadable), value, partition, record)]
        if not items:
            return [self._refused(EVENT_INVALID, value, partition, record)]
        return [self._from_record(self._event(item), item, partition, record) for item in items]

    def _event(self, value: bytes) -> InboundEvent | BrokenEvent:
        return open_long_event(value) if len(value) > self._event_bytes else open_event(value)

    def _from_record(
        self, event: InboundEvent | BrokenEvent, value: bytes, partition: int, record: InboundRecord
    ) -> ReceivedEvent:
        tenant = self._sources.get(event.source, NO_TENANT) if event.source is not None else NO_TENANT
        traceparent = next((raw for name, raw in record.headers if name.lower() == "traceparent"), None)
        carried = accept_traceparent(traceparent)
        return self._arrival(event, Delivery(value, tenant, carried, "kafka", partition, record.offset))

    def _refused(
        self, error: FieldError, value: bytes, partition: int, record: InboundRecord
    ) -> ReceivedEvent:
        """A whole record that should be events. Nothing of it is kept: it may be of many people, and has no one look-up."""
        arrival = self._from_record(
            BrokenEvent(id=None, source=None, errors=(error,)), value, partition, record
        )
        arrival.raw, arrival.lookup = b"", None
        return arrival

    def _arrival(self, event: InboundEvent | BrokenEvent, envelope: Delivery) -> ReceivedEvent:
        value, tenant, traceparent = envelope.value, envelope.tenant, envelope.traceparent
        key = self._keyring.tenant(tenant)
        allowed = (
            event.source is not None and tenant != NO_TENANT and self._sources.get(event.source) == tenant
        )
        command: Command | None = None
        if isinstance(event, BrokenEvent):
            errors = event.errors
            kind = None
            centers: tuple[int, ...] = ()
            digest = key.digest(value)
        else:
            command, errors = self._read(event, envelope, allowed)
            kind = event.type if _TYPE.fullmatch(event.type) else None
            # What is too long was not decoded: it is the same event only if its bytes are.
            is_long = len(value) > self._event_bytes
            digest = key.digest(value) if is_long else digests.content_digest(key.mac, event)
            leftovers = tenant in self._spreadsheet_tenants
            centers = (
                command.centers if command else readable_centers(event.data, spreadsheet_leftovers=leftovers)
            )
            traceparent = event.traceparent or traceparent
        if event.source is not None and event.id is not None:
            causation_id = digests.causation_id(key.mac, event.source, event.id)
            unique = (
                bytes.fromhex(causation_id)
                if allowed
                else digests.refused_key(key.mac, event.source, event.id)
            )
        else:
            causation_id, unique = digest.hex(), None
        return ReceivedEvent(
            tenant=tenant,
            source=event.source,
            id=event.id,
            key=unique,
            causation_id=causation_id,
            digest=digest,
            type=kind,
            command=command,
            errors=errors,
            lookup=lookup_of(key, command, event, value),
            fingerprint=_fingerprint(key, command),
            traceparent=traceparent,
            raw=self._kept(event, envelope),
            door=envelope.door,
            centers=centers,
            partition=envelope.partition,
            offset=envelope.offset,
        )

    def _kept(self, event: InboundEvent | BrokenEvent, envelope: Delivery) -> bytes:
        """What a rejection keeps, sealed.

        Of what is too long an HTTP sender has the rest; of a Kafka record the beginning is kept. Of several people
        nothing is: an erasure could find it by one of them alone.
        """
        value = envelope.value
        kept = value[: self._event_bytes] if envelope.door == "kafka" else value
        return b"" if len(kept) > self._event_bytes or names_several(event, value) else kept

    def _read(
        self, event: InboundEvent, envelope: Delivery, allowed: bool
    ) -> tuple[Command | None, tuple[FieldError, ...]]:
        if not allowed:
            return None, (SOURCE_NOT_ALLOWED,)
        if len(envelope.value) > self._event_bytes:
            return None, (event_too_large(envelope.value, self._event_bytes),)
        command = parse(
            event,
            self._days.today(),
            spreadsheet_leftovers=envelope.tenant in self._spreadsheet_tenants,
        )
        return (None, command) if isinstance(command, tuple) else (command, ())


def receiver_of(settings: Settings, keyring: Keyring, clock: Clock = system_clock) -> Receiver:
    """With the rules of `settings`: a recovery must read records as the service reads them."""
    return Receiver(
        keyring,
        settings.sources,
        clock,
        event_bytes=settings.event_bytes,
        batch_events=settings.request_events,
        spreadsheet_tenants=settings.tenants_with_spreadsheets,
    )


def _fingerprint(key: TenantKey, command: Command | None) -> bytes:
    personal = None if command is None else command.personal
    return b"" if personal is None else digests.fingerprint(key.mac, personal)
