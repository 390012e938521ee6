"""Tells a seed's course: what its services log, each line with the virtual time and the process."""

import asyncio
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from tests.simulation.processes import PROCESS


def log_to(out: TextIO) -> None:
    """From now on log lines go to `out`."""

    def tell(_: Any, level: str, event: MutableMapping[str, Any]) -> Any:
        try:
            seconds = asyncio.get_running_loop().time()
        except RuntimeError:  # a coroutine of a dead process that is being closed
            raise structlog.DropEvent from None
        process = PROCESS.get()
        name = process.name if process is not None else "installation"
        rest = " ".join(f"{key}={value!r}" for key, value in event.items() if key != "event")
        out.write(f"{seconds:9.3f} {name:14} {level:8} {event['event']} {rest}\n")
        raise structlog.DropEvent

    structlog.configure(processors=[tell])
