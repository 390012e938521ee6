"""All kinds of fault by name."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from tests.faults.ground import Ground
from tests.faults.kinds import kills, stops

Fault = Callable[[Ground], Coroutine[Any, Any, None]]

_ALL: Final[tuple[Fault, ...]] = (
    kills.a_service_is_killed,
    kills.a_service_is_killed_at_a_named_point,
    kills.kafka_is_killed,
    kills.postgres_is_killed,
    kills.everything_is_killed,
    kills.the_relays_leader_is_killed,
    stops.a_service_is_stopped,
    stops.a_server_is_stopped,
    stops.one_of_two_instances_is_stopped,
)

FAULTS: Final[Mapping[str, Fault]] = {fault.__name__.replace("_", " "): fault for fault in _ALL}
