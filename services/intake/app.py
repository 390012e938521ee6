"""The composition root of intake: the only place that builds things."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import FastAPI

from services.intake.append.erasure import Erasure
from services.intake.append.idempotency import Answers
from services.intake.append.transaction import Appender
from services.intake.append.writer import Writer
from services.intake.crypto.key_record import FreshKeys
from services.intake.crypto.sealing import Keyring
from services.intake.inbox.erasure import erasure_router
from services.intake.inbox.http import events_router
from services.intake.inbox.kafka import InboundInbox
from services.intake.inbox.polls import Polls
from services.intake.inbox.receive import Receiver, receiver_of
from services.intake.inbox.retention import InboundRetention
from services.intake.query.positions import IntakePositions
from services.intake.query.references import references_router
from services.intake.query.rejections import rejections_router
from services.intake.query.students import students_router
from services.intake.relay.keys import KeyRecords
from services.intake.relay.keys_watch import KeysWatch
from services.intake.relay.rejections import RejectionRecords
from services.intake.settings import Settings
from services.intake.verify.read_models import verify_read_models
from shared.append.clock import system_clock
from shared.append.log import Log
from shared.contracts.facts import INTAKE_SOURCE
from shared.http import ExpensiveReads, Health, create_app, rate_limits_of, verifier_of
from shared.inbox.garbage import GarbagePacer
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.polling import Polling
from shared.postgres import connector
from shared.relay.relay import Relay
from shared.service.database_check import DatabaseWatch
from shared.service.lifespan import Component, service_lifespan
from shared.service.resources import Resources, pools_of
from shared.telemetry import Telemetry, configure_logging
from shared.verification.findings import ReadModelReport
from shared.verification.routes import verification_routes

VERSION: Final = "0.1.0"
GROUP: Final = "rahnama.intake"
INBOUND: Final = "inbound"


def build(settings: Settings) -> FastAPI:
    """Intake's app; its parts start and stop with the app's lifespan."""
    configure_logging(INTAKE_SOURCE, settings.log_level)
    pool, reads = pools_of(settings, INTAKE_SOURCE)
    telemetry, pacer = Telemetry.start(INTAKE_SOURCE), GarbagePacer()
    kafka = AioKafkaClients(settings.kafka_bootstrap, settings.topic(INTAKE_SOURCE))
    resources = Resources(pool, connector(settings.database_url), kafka, system_clock, telemetry)
    parts = compose(settings, resources, pacer)
    database = DatabaseWatch(pool, INTAKE_SOURCE, reads)
    expensive = ExpensiveReads(settings.verifications)

    def ready() -> Mapping[str, str | None]:
        return {
            "database": database.ready(),
            "relay": parts.relay.ready(),
            "writer": parts.writer.alive(),
            "inbox": parts.inbox.ready(),
            "rejections": parts.rejections.ready(),
            "keys": parts.keys_watch.ready(),
            "retention": parts.retention.ready(),
        }

    app = create_app(
        title="Rahnama intake",
        version=VERSION,
        lifespan=service_lifespan(settings, pool, reads, database, parts.in_order, pacer, telemetry),
        verifier=verifier_of(settings),
        health=Health(ready, parts.inbox.troubles),
        positions=IntakePositions(reads, parts.log, parts.relay.published, parts.inbox.positions),
        telemetry=telemetry,
        bytes_in_flight=settings.bytes_in_flight,
        cors_origins=settings.allowed_origins,
        position_wait_seconds=settings.position_wait_seconds,
        max_body_bytes=settings.request_bytes,
        rate_limits=rate_limits_of(settings),
    )
    app.include_router(events_router(settings, parts.receiver, parts.writer, Answers(reads), parts.keyring))
    app.include_router(students_router(reads, parts.keyring, expensive))
    app.include_router(erasure_router(parts.erasure))
    app.include_router(references_router(reads, expensive))
    app.include_router(rejections_router(reads, expensive))

    def replay() -> Awaitable[ReadModelReport]:
        return verify_read_models(settings, resources, parts.keyring)

    app.include_router(
        verification_routes(reads, INTAKE_SOURCE, replay, expensive, settings.verification_seconds)
    )
    return app


@dataclass(frozen=True, slots=True)
class Components:
    """What works in intake, without its REST interface."""

    keyring: Keyring
    log: Log
    receiver: Receiver
    key_records: KeyRecords
    keys_watch: KeysWatch
    rejections: RejectionRecords
    relay: Relay
    writer: Writer
    erasure: Erasure
    inbox: InboundInbox
    retention: InboundRetention

    @property
    def in_order(self) -> Sequence[Component]:
        """As they start; they stop in the opposite order."""
        return (
            self.key_records,
            self.rejections,
            self.relay,
            self.writer,
            self.inbox,
            self.keys_watch,
            self.retention,
        )


def compose(settings: Settings, resources: Resources, pacer: GarbagePacer) -> Components:
    """Builds the parts on `resources`; starts nothing."""
    keyring = Keyring(settings.read_master_key())
    log = Log(INTAKE_SOURCE, topic=settings.topic(INTAKE_SOURCE))
    receiver = receiver_of(settings, keyring, resources.clock)
    fresh_keys = FreshKeys()
    key_records, relay, writer = _way_to_kafka(settings, resources, log, keyring, fresh_keys, pacer)
    erasure = Erasure(
        resources.pool,
        log,
        keyring,
        partitions=settings.partitions,
        fresh_keys=fresh_keys,
        published=relay.offer,
        clock=resources.clock,
    )
    keys_watch = KeysWatch(resources.pool, key_records, resources.kafka, settings.topic("keys"), log.gate)
    rejections = RejectionRecords(
        resources.pool,
        kafka=resources.kafka,
        topic=settings.topic("rejections"),
        partitions=settings.partitions,
    )
    polls = Polls(
        receiver,
        writer,
        resources.telemetry,
        topic=settings.topic(INBOUND),
        submission_events=min(settings.batch_records, settings.queued_events),
    )
    retention = InboundRetention(
        resources.pool,
        resources.kafka,
        settings.topic(INBOUND),
        resources.clock,
        timedelta(hours=settings.inbound_keep_hours),
    )
    return Components(
        keyring,
        log,
        receiver,
        key_records,
        keys_watch,
        rejections,
        relay,
        writer,
        erasure,
        _inbound(settings, polls, resources),
        retention,
    )


def _way_to_kafka(
    settings: Settings,
    resources: Resources,
    log: Log,
    keyring: Keyring,
    fresh_keys: FreshKeys,
    pacer: GarbagePacer,
) -> tuple[KeyRecords, Relay, Writer]:
    """From an accepted event to Kafka: the writer, and what publishes after its commits."""
    pool = resources.pool
    key_records = KeyRecords(
        pool,
        keyring,
        fresh_keys,
        kafka=resources.kafka,
        topic=settings.topic("keys"),
        partitions=settings.partitions,
    )
    relay = Relay(
        log,
        pool,
        resources.connect,
        resources.kafka,
        settings.partitions,
        key_records.publish,
        telemetry=resources.telemetry,
    )
    appender = Appender(
        pool,
        log,
        keyring,
        resources.telemetry,
        partitions=settings.partitions,
        fresh_keys=fresh_keys,
        published=relay.offer,
        clock=resources.clock,
    )
    writer = Writer(
        appender.transact,
        batch_events=settings.batch_records,
        queued_events=settings.queued_events,
        in_flight=settings.transactions_in_flight,
        gather_seconds=settings.gather_milliseconds / 1000,
        batch_done=pacer.batch_done,
    )
    return key_records, relay, writer


def _inbound(settings: Settings, polls: Polls, resources: Resources) -> InboundInbox:
    return InboundInbox(
        resources.kafka,
        f"{settings.topic_prefix}{GROUP}",
        settings.topic(INBOUND),
        polls.apply,
        resources.pool,
        polling=Polling(
            settings.batch_records,
            settings.poll_seconds,
            settings.session_timeout_seconds,
            read_committed=True,
        ),
        partitions=settings.partitions,
    )
