"""What mends a local system: `make recover` and `make rebuild` beside no service, `make dsn` and `make refill` beside all.

The commands run with the servers alone, as the owner of the service's database.
"""

import asyncio
import fcntl
from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from infra.local.databases import describe_databases
from infra.local.errors import LocalError
from infra.local.home import Home
from infra.local.lifecycle import stop_leftovers
from infra.local.ports import SystemPorts
from infra.local.postgres import PostgresServer
from infra.local.service import ServiceProcess
from infra.local.state import forget_state, read_state
from infra.local.system import System
from infra.services import LOGS
from shared.kafka.closing_clients import Admin

_COMMAND_SECONDS = 4 * 3600
_PORT_LINE = 3  # of postmaster.pid
_TO_THE_END = -1


def mend(home: Home, command: str, service: str | None, options: Sequence[str] = ()) -> int:
    """Runs `command` for this service, or for all; refuses while `make up` is there."""
    home.up.mkdir(parents=True, exist_ok=True)
    with (home.up / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalError(f"Rahnama is running. make down stops it; then make {command}.") from None
        stop_leftovers(read_state(home.up))
        forget_state(home.up)
        asyncio.run(_mend(home, command, LOGS if service is None else (service,), options))
    return 0


def print_dsn(home: Home, service: str) -> int:
    """Of the database's owner, for `psql`; while Postgres runs."""
    pid_file = home.up / "postgres" / "data" / "postmaster.pid"
    try:
        port = int(pid_file.read_text().splitlines()[_PORT_LINE])
    except (OSError, ValueError, IndexError):
        raise LocalError("Postgres does not run. make up starts it.") from None
    server = PostgresServer(home.up / "postgres")
    server.port = port
    print(describe_databases(server.admin_dsn).of(service).owner_dsn)
    return 0


def refill(home: Home, topic: str, partition: int) -> int:
    """Deletes what a log's topic holds in a partition: its relay finds it empty and fills it from the log."""
    state = read_state(home.up)
    if state is None or not state.running:
        raise LocalError("Rahnama is not running. make up starts it.")
    asyncio.run(empty_partition(state.kafka_bootstrap, topic, partition))
    print(f"Partition {partition} of {topic} is empty, and is filled again from the log within seconds.")
    return 0


async def empty_partition(bootstrap: str, topic: str, partition: int) -> None:
    """Deletes every record that is there now."""
    admin = Admin(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(_TO_THE_END)})
    finally:
        await admin.close()


def options_of(service: str, options: Sequence[str]) -> list[str]:
    """Those of a command for all services that this one takes: an erasure is intake's, and refused by the others."""
    return [one for one in options if service == "intake" or not one.startswith("--confirm-erasure")]


async def _mend(home: Home, command: str, services: Sequence[str], options: Sequence[str]) -> None:
    system = System(home, home.up, SystemPorts.from_environment())
    await system.start(services=False)
    try:
        for name in services:
            print(f"{name}: {command}", flush=True)
            service = system.parts[name]
            assert isinstance(service, ServiceProcess)
            await service.migrate()  # a copy of an older release has not all that the command needs
            given = options if len(services) == 1 else options_of(name, options)
            code = await service.run_attached(command, *given, seconds=_COMMAND_SECONDS)
            if code != 0:
                raise LocalError(
                    f"{name}: {command} ended with {code}. Its last line above names the reason."
                )
    finally:
        await system.stop()
    print("Done. make up starts Rahnama.")
