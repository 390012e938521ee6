"""Shorter time-outs, so that a process can be stopped for longer than all of them and a trial stays short.

Only numbers are changed, in the victims' processes alone; what they bound is the code that runs in production.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final

TOKEN_HOURS: Final = 48.0
"""Tokens are so old, and live so much longer, that a clock which jumps by a day accepts them."""

SETTINGS: Final[Mapping[str, str]] = {
    "RAHNAMA_SESSION_TIMEOUT_SECONDS": "1.5",
    "RAHNAMA_POLL_SECONDS": "0.1",
    "RAHNAMA_BATCH_RECORDS": "40",
    "RAHNAMA_TOKEN_HOURS": f"{2 * TOKEN_HOURS:g}",
}
"""What every service can be told; small batches, so that there are many between which something can happen."""

CONSTANTS: Final[Mapping[str, Mapping[str, float]]] = {
    "shared.postgres.connections": {"CONNECT_SECONDS": 3.0, "COMMAND_SECONDS": 4.0, "IDLE_IN_TRANSACTION_MILLISECONDS": 2_000},
    "shared.inbox.assigned_partition": {"LONGEST_RETRY_SECONDS": 1.0, "LONGEST_GAP_RETRY_SECONDS": 2.0, "HELD_RETRY_SECONDS": 2.0},
    "shared.inbox.log_partition_consumer": {"LOOK_AGAIN_SECONDS": 4.0},
    "shared.inbox.processing": {"APPLY_SECONDS": 4.0, "BATCH_SECONDS": 5.0},
    "shared.inbox.group": {"REVOKE_SECONDS": 2.0},
    "shared.inbox.assigned_partitions": {"SEEK_SECONDS": 2.0},
    "shared.inbox.offsets": {"COMMIT_SECONDS": 2.0},
    "shared.inbox.topic_look": {"LOOK_SECONDS": 2.0},
    "shared.kafka.group_subscription": {"REBALANCE_SECONDS": 4},
    "shared.relay.leadership": {"CONNECT_SECONDS": 3.0},
    "shared.relay.topic": {"REQUEST_MILLISECONDS": 2_000, "READ_SECONDS": 4.0},
    "shared.relay.partition_relay": {"BEFORE_SECONDS": 4.0},
    "shared.relay.producer": {"REQUEST_MILLISECONDS": 2_000, "SEND_SECONDS": 4.0},
}  # fmt: skip
"""Of modules; each is read when it is needed."""

ARGUMENTS: Final[Mapping[str, Mapping[str, float]]] = {
    "shared.relay.relay:Relay": {"heartbeat_seconds": 0.3, "idle_seconds": 1.5, "look_seconds": 1.0},
    "shared.inbox.log_inbox:LogInbox": {"stall_seconds": 1.5},
    "services.intake.relay.keys_watch:KeysWatch": {"look_seconds": 1.0},
    "services.intake.inbox.kafka:InboundInbox": {"look_seconds": 1.5},
}
"""Defaults of keyword arguments that the composition roots leave as they are."""

STOPPED_SECONDS: Final = 5.0
"""Longer than every time-out above."""


def shorten(service: str) -> None:
    """Changes them in this process. Raises `AttributeError` or `KeyError` for what does not exist (any more)."""
    for module_name, constants in CONSTANTS.items():
        module = importlib.import_module(module_name)
        for name, value in constants.items():
            getattr(module, name)
            setattr(module, name, value)
    for place, arguments in ARGUMENTS.items():
        module_name, _, owner = place.partition(":")
        if module_name.startswith("services.") and not module_name.startswith(f"services.{service}."):
            continue
        defaults: dict[str, Any] = getattr(
            importlib.import_module(module_name), owner
        ).__init__.__kwdefaults__
        for name, value in arguments.items():
            defaults[name]
            defaults[name] = value
