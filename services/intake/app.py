"""The composition root of intake: the only place that builds things."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from services.intake.append.answers import Answers
from services.intake.append.fresh_keys import FreshKeys
from services.intake.append.sealing import Keyring
from services.intake.append.transaction import Appender
from services.intake.append.writer import Writer
from services.intake.inbox.http import events_router
from services.intake.inbox.kafka import InboundInbox
from services.intake.inbox.polls import Polls
from services.intake.inbox.receive import Receiver
from services.intake.query.positions import IntakePositions
from services.intake.query.references import references_router
from services.intake.query.rejections import rejections_router
from services.intake.query.students import students_router
from services.intake.relay.keys import KeyRecords
from services.intake.relay.rejections import RejectionRecords
from services.intake.settings import Settings
from shared.append.clock import system_clock
from shared.append.log import Log
from shared.contracts.facts import INTAKE_SOURCE
from shared.database_watch import DatabaseWatch
from shared.http import Health, TokenVerifier, create_app
from shared.inbox.garbage import GarbagePacer
from shared.inbox.polling import Polling, inbox_broker
from shared.lifespan import service_lifespan
from shared.postgres import Pool, connector, make_pool
from shared.relay.relay import Relay
from shared.telemetry import Telemetry, configure_logging

VERSION: Final = "0.1.0"
GROUP: Final = "rahnama.intake"
INBOUND: Final = "inbound"


def build(settings: Settings) -> FastAPI:
    """Intake's app; its parts start and stop with the app's lifespan."""
    configure_logging(INTAKE_SOURCE, settings.log_level)
    telemetry = Telemetry.start(INTAKE_SOURCE)
    keyring = Keyring(settings.read_master_key())
    pool = make_pool(settings.database_url, application=INTAKE_SOURCE, size=settings.database_pool_size)
    pacer = GarbagePacer()
    log = Log(INTAKE_SOURCE)
    way = _way_to_kafka(settings, pool, log, keyring, telemetry, pacer)
    receiver = Receiver(keyring, settings.sources, event_bytes=settings.event_bytes)
    inbox = _inbound(settings, Polls(receiver, way.writer, telemetry, topic=settings.topic(INBOUND)), pool)
    rejections = RejectionRecords(
        pool,
        bootstrap=settings.kafka_bootstrap,
        topic=settings.topic("rejections"),
        partitions=settings.partitions,
    )
    database = DatabaseWatch(pool)

    def ready() -> Mapping[str, str | None]:
        return {
            "database": database.ready(),
            "relay": way.relay.ready(),
            "writer": way.writer.alive(),
            "inbox": inbox.ready(),
            "rejections": rejections.ready(),
        }

    app = create_app(
        title="Rahnama intake",
        version=VERSION,
        lifespan=service_lifespan(
            settings,
            pool,
            database,
            [way.key_records, rejections, way.relay, way.writer, inbox],
            pacer,
            telemetry,
        ),
        verifier=TokenVerifier(settings.jwks_file, settings.jwt_issuer),
        health=Health(ready),
        positions=IntakePositions(pool, log, way.relay.published, inbox.positions),
        telemetry=telemetry,
        position_wait_seconds=settings.position_wait_seconds,
        max_body_bytes=settings.request_bytes,
    )
    app.include_router(events_router(settings, receiver, way.writer, Answers(pool), keyring))
    app.include_router(students_router(pool, keyring))
    app.include_router(references_router(pool))
    app.include_router(rejections_router(pool))
    return app


@dataclass(frozen=True, slots=True)
class _Way:
    """From an accepted event to Kafka: the writer, and what publishes after its commits."""

    writer: Writer
    relay: Relay
    key_records: KeyRecords


def _way_to_kafka(
    settings: Settings, pool: Pool, log: Log, keyring: Keyring, telemetry: Telemetry, pacer: GarbagePacer
) -> _Way:
    fresh_keys = FreshKeys()
    key_records = KeyRecords(
        pool,
        keyring,
        fresh_keys,
        bootstrap=settings.kafka_bootstrap,
        topic=settings.topic("keys"),
        partitions=settings.partitions,
    )
    relay = Relay(
        log,
        pool,
        connector(settings.database_url),
        settings.kafka_bootstrap,
        settings.topic(INTAKE_SOURCE),
        settings.partitions,
        key_records.publish,
    )
    appender = Appender(
        pool,
        log,
        keyring,
        telemetry,
        partitions=settings.partitions,
        fresh_keys=fresh_keys,
        published=relay.offer,
        clock=system_clock,
    )
    writer = Writer(
        appender.transact,
        batch_events=settings.batch_records,
        queued_events=settings.queued_events,
        in_flight=settings.transactions_in_flight,
        batch_done=pacer.batch_done,
    )
    return _Way(writer, relay, key_records)


def _inbound(settings: Settings, polls: Polls, pool: Pool) -> InboundInbox:
    return InboundInbox(
        inbox_broker(settings.kafka_bootstrap, client_id=GROUP),
        f"{settings.topic_prefix}{GROUP}",
        settings.topic(INBOUND),
        polls.apply,
        pool,
        polling=Polling(
            settings.batch_records,
            settings.poll_seconds,
            settings.session_timeout_seconds,
            read_committed=True,
        ),
    )
