"""`make recover` and `make rebuild`: the servers alone, and a service's command as the owner of its database."""

import asyncio
import fcntl
from collections.abc import Sequence

from infra.local.errors import LocalError
from infra.local.home import Home
from infra.local.lifecycle import stop_leftovers
from infra.local.ports import SystemPorts
from infra.local.service import ServiceProcess
from infra.local.state import forget_state, read_state
from infra.local.system import System

MENDABLE = ("intake", "allocation")
"""In the order in which they recover: decisions need their facts. Audit reads again what it lacks."""
_COMMAND_SECONDS = 4 * 3600


def mend(home: Home, command: str, service: str | None) -> int:
    """Runs `command` for this service, or for all; refuses while `make up` is there."""
    home.up.mkdir(parents=True, exist_ok=True)
    with (home.up / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(f"Rahnama is running. make down stops it; then make {command}.") from None
        stop_leftovers(read_state(home.up))
        forget_state(home.up)
        asyncio.run(_mend(home, command, MENDABLE if service is None else (service,)))
    return 0


async def _mend(home: Home, command: str, services: Sequence[str]) -> None:
    system = System(home, home.up, SystemPorts.from_environment())
    await system.start(services=False)
    try:
        for name in services:
            print(f"{name}: {command}", flush=True)
            service = system.parts[name]
            assert isinstance(service, ServiceProcess)
            for line in await _run(service, command):
                print(f"  {line}", flush=True)
    finally:
        await system.stop()
    print("Done. make up starts Rahnama.")


async def _run(service: ServiceProcess, command: str) -> list[str]:
    """The lines that the command told; those of earlier runs stand before them in its log."""
    log = service.log.with_name(f"{service.name}-{command}.log")
    begin = log.stat().st_size if log.exists() else 0
    await service.run_as_owner(command, seconds=_COMMAND_SECONDS)
    with log.open("rb") as told:
        told.seek(begin)
        return told.read().decode(errors="replace").splitlines()
