"""The composition root of audit: the only place that builds things."""

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI

from services.audit.append.ledger import Ledger, TreeState
from services.audit.inbox.logs import read_logs
from services.audit.query.positions import AuditPositions
from services.audit.query.producers import Producers
from services.audit.query.record_routes import record_routes
from services.audit.query.records import Records
from services.audit.query.verification_routes import verification_routes
from services.audit.query.verifier import Bounds, Verifier
from services.audit.settings import Settings
from shared.append.clock import system_clock
from shared.http import ExpensiveReads, Health, create_app, rate_limits_of, verifier_of
from shared.inbox.garbage import GarbagePacer
from shared.inbox.log_inbox import LogInbox
from shared.kafka.aio_clients import AioKafkaClients
from shared.postgres import connector
from shared.service.database_check import DatabaseWatch
from shared.service.lifespan import service_lifespan
from shared.service.resources import Resources, pools_of
from shared.telemetry import Telemetry, configure_logging

NAME: Final = "audit"
VERSION: Final = "0.1.0"


def build(settings: Settings) -> FastAPI:
    """Audit's app; its parts start and stop with the app's lifespan. Needs a running event loop."""
    configure_logging(NAME, settings.log_level)
    pool, reads = pools_of(settings, NAME)
    telemetry, pacer = Telemetry.start(NAME), GarbagePacer()
    kafka = AioKafkaClients(settings.kafka_bootstrap, settings.topic(NAME))
    resources = Resources(pool, connector(settings.database_url), kafka, system_clock, telemetry)
    database = DatabaseWatch(pool, NAME, reads)
    expensive = ExpensiveReads(settings.verifications)
    inbox = compose(settings, resources, pacer)
    verifier = Verifier(
        reads,
        resources.kafka,
        settings.log_topics,
        settings.partitions,
        Bounds(settings.verification_batch_records, settings.verification_idle_seconds),
        Producers.at(settings.producer_urls, settings.verification_seconds),
    )

    def ready() -> Mapping[str, str | None]:
        return {"database": database.ready(), "inbox": inbox.ready()}

    app = create_app(
        title="Rahnama audit",
        version=VERSION,
        lifespan=service_lifespan(settings, pool, reads, database, [inbox, verifier], pacer, telemetry),
        verifier=verifier_of(settings),
        health=Health(ready, inbox.troubles),
        positions=AuditPositions(reads, inbox.positions),
        telemetry=telemetry,
        bytes_in_flight=settings.bytes_in_flight,
        cors_origins=settings.allowed_origins,
        position_wait_seconds=settings.position_wait_seconds,
        rate_limits=rate_limits_of(settings),
    )
    app.include_router(record_routes(Records(reads), expensive))
    app.include_router(verification_routes(verifier, expensive))
    return app


def compose(settings: Settings, resources: Resources, pacer: GarbagePacer) -> LogInbox[TreeState]:
    """Builds what works in audit, without its REST interface; starts nothing."""
    return read_logs(settings, Ledger(resources.pool, resources.telemetry), resources, pacer)
