"""The registry of services: what everything outside them must know of each.

The compose file and Prometheus' list their jobs in formats of their own; `tests/unit/infra/test_services.py` compares them.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Service:
    """One service. `port` is where it listens by default; `reads` are the logs that it consumes."""

    name: str
    port: int
    reads: tuple[str, ...] = ()
    has_log: bool = True
    """Whether its events are a log with a topic of its own, which other services read."""


SERVICES: Final = (
    Service("intake", 8001),
    Service("allocation", 8002, reads=("intake",)),
    Service("audit", 8003, reads=("intake", "allocation"), has_log=False),
)
NAMES: Final = tuple(service.name for service in SERVICES)
LOGS: Final = tuple(service.name for service in SERVICES if service.has_log)
"""In the order in which they recover: decisions need their facts."""
