"""The composition root of allocation: the only place that builds things."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from services.allocation.append.metrics import WaitlistGauge
from services.allocation.append.writer import AllocationPartition, DecisionWriter
from services.allocation.inbox.facts import FactsInbox
from services.allocation.query.allocations import allocation_routes
from services.allocation.query.mentors import mentor_routes, mentor_students_routes
from services.allocation.query.positions import AllocationPositions
from services.allocation.query.summary import summary_routes
from services.allocation.query.waitlist import waitlist_routes
from services.allocation.settings import Settings
from services.allocation.verify.read_models import verify_read_models
from shared.append.clock import system_clock
from shared.append.log import Log
from shared.contracts.decisions import ALLOCATION_SOURCE
from shared.contracts.facts import INTAKE_SOURCE
from shared.http import ExpensiveReads, Health, create_app, rate_limits_of, verifier_of
from shared.inbox.garbage import GarbagePacer
from shared.inbox.log_inbox import LogInbox
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
GROUP: Final = "rahnama.allocation"


def build(settings: Settings) -> FastAPI:
    """Allocation's app; its parts start and stop with the app's lifespan. Needs a running event loop."""
    configure_logging(ALLOCATION_SOURCE, settings.log_level)
    pool, reads = pools_of(settings, ALLOCATION_SOURCE)
    telemetry, pacer = Telemetry.start(ALLOCATION_SOURCE), GarbagePacer()
    kafka = AioKafkaClients(settings.kafka_bootstrap, settings.topic(ALLOCATION_SOURCE))
    resources = Resources(pool, connector(settings.database_url), kafka, system_clock, telemetry)
    parts = compose(settings, resources, pacer)
    relay, inbox = parts.relay, parts.inbox
    database = DatabaseWatch(pool, ALLOCATION_SOURCE, reads)
    expensive = ExpensiveReads(settings.verifications)

    def ready() -> Mapping[str, str | None]:
        return {"database": database.ready(), "relay": relay.ready(), "inbox": inbox.ready()}

    app = create_app(
        title="Rahnama allocation",
        version=VERSION,
        lifespan=service_lifespan(settings, pool, reads, database, parts.in_order, pacer, telemetry),
        verifier=verifier_of(settings),
        health=Health(ready, inbox.troubles),
        positions=AllocationPositions(reads, relay.published, inbox.positions),
        telemetry=telemetry,
        bytes_in_flight=settings.bytes_in_flight,
        cors_origins=settings.allowed_origins,
        position_wait_seconds=settings.position_wait_seconds,
        rate_limits=rate_limits_of(settings),
    )
    app.include_router(mentor_students_routes(reads))
    for scanning in (waitlist_routes, mentor_routes, allocation_routes, summary_routes):
        app.include_router(scanning(reads, expensive))

    def replay() -> Awaitable[ReadModelReport]:
        return verify_read_models(settings, resources)

    app.include_router(
        verification_routes(reads, ALLOCATION_SOURCE, replay, expensive, settings.verification_seconds)
    )
    return app


@dataclass(frozen=True, slots=True)
class Components:
    """What works in allocation, without its REST interface."""

    relay: Relay
    inbox: LogInbox[AllocationPartition]
    waitlist: WaitlistGauge

    @property
    def in_order(self) -> Sequence[Component]:
        """As they start; they stop in the opposite order."""
        return self.relay, self.inbox, self.waitlist


def compose(settings: Settings, resources: Resources, pacer: GarbagePacer) -> Components:
    """Builds the parts on `resources`; starts nothing."""
    log = Log(ALLOCATION_SOURCE, topic=settings.topic(ALLOCATION_SOURCE))
    relay = Relay(
        log,
        resources.pool,
        resources.connect,
        resources.kafka,
        settings.partitions,
        telemetry=resources.telemetry,
    )
    writer = DecisionWriter(resources.pool, log, resources.telemetry, relay.offer, resources.clock)
    inbox = LogInbox(
        resources.kafka,
        f"{settings.topic_prefix}{GROUP}",
        {INTAKE_SOURCE: settings.topic(INTAKE_SOURCE)},
        writer.load,
        FactsInbox(writer.append).apply,
        writer.hashes,
        resources.pool,
        polling=Polling(settings.batch_records, settings.poll_seconds, settings.session_timeout_seconds),
        pacer=pacer,
    )
    return Components(relay, inbox, WaitlistGauge(lambda: [state.decider for state in inbox.states()]))
