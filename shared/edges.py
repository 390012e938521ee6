"""What a service meets the world with: built by its `app.py`, and replaced by a simulation's own."""

from dataclasses import dataclass

from shared.append.clock import Clock
from shared.kafka.clients import KafkaClients
from shared.postgres import Connect, Pool
from shared.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Edges:
    """`pool` and `connect` lead to the service's own database; `connect` opens connections beside the pool."""

    pool: Pool
    connect: Connect
    kafka: KafkaClients
    clock: Clock
    telemetry: Telemetry
