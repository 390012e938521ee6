"""What a service meets the world with: built by its `app.py`, and replaced by a simulation's own."""

from dataclasses import dataclass

from shared.append.clock import Clock
from shared.kafka.clients import KafkaClients
from shared.postgres import Connect, Pool, make_pool
from shared.service.settings import ServiceSettings
from shared.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Resources:
    """`pool` and `connect` lead to the service's own database; `connect` opens connections beside the pool."""

    pool: Pool
    connect: Connect
    kafka: KafkaClients
    clock: Clock
    telemetry: Telemetry


def pools_of(settings: ServiceSettings, application: str) -> tuple[Pool, Pool]:
    """The service's pool, and one for reads over REST: they neither hold up the others nor run for any time."""
    dsn, size = settings.database_url, settings.database_pool_size
    reads = make_pool(dsn, application=application, size=size, statement_seconds=settings.read_seconds)
    return make_pool(dsn, application=application, size=size), reads
