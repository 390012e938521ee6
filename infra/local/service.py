"""One of the three services as a process of its own, with the variables it needs and no others."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from infra.local.databases import ServiceDatabase
from infra.local.home import REPOSITORY
from infra.local.keys import Keys
from infra.local.managed_process import ManagedProcess
from infra.local.ports import LOOPBACK, require_free
from infra.local.process import Child, inherited_environment, run_to_end, spawn
from infra.local.readiness import disagreement, stage_of
from infra.local.tokens import ISSUER

_READY_SECONDS = 60
_MIGRATE_SECONDS = 120
# Of the user's own environment these reach a service: how it traces, and how it is tuned.
_TUNING = ("RAHNAMA_CORS_ORIGINS", "RAHNAMA_TOKEN_HOURS", "RAHNAMA_REVOCATIONS_FILE", "RAHNAMA_CONNECTIONS", "RAHNAMA_BYTES_IN_FLIGHT", "RAHNAMA_BATCH_RECORDS", "RAHNAMA_POLL_SECONDS", "RAHNAMA_SESSION_TIMEOUT_SECONDS",
           "RAHNAMA_DATABASE_POOL_SIZE", "RAHNAMA_READ_SECONDS", "RAHNAMA_VERIFICATIONS",
           "RAHNAMA_SUBJECT_READS_PER_SECOND", "RAHNAMA_SUBJECT_WRITES_PER_SECOND", "RAHNAMA_TENANT_READS_PER_SECOND", "RAHNAMA_TENANT_WRITES_PER_SECOND",
           "RAHNAMA_LOG_LEVEL", "TZ")  # fmt: skip


class ServiceProcess(ManagedProcess):
    """Migrates, starts, watches and stops one service."""

    def __init__(
        self,
        name: str,
        port: int,
        database: ServiceDatabase,
        environment: Mapping[str, str],
        log: Path,
        port_setting: str | None = None,
        *,
        service: str | None = None,
    ) -> None:
        """`environment` is what `service_environment` made; `service` what it is an instance of, if not `name`.

        `module`, `environment` and `may_be_closed` may be changed until the next start. With `may_be_closed` it may
        start although its log disagrees with its topic: for reads alone, or beside a foreign record. `closed` says how.
        """
        super().__init__(name)
        self.port = port
        self.log = log
        self.service = service or name
        self.module: tuple[str, ...] = (f"services.{self.service}",)
        self.environment = dict(environment)
        self.may_be_closed = False
        self.closed: str | None = None
        self._database = database
        self._port_setting = port_setting

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def stage(self) -> str:
        """For a person to read."""
        return stage_of(self.closed)

    async def migrate(self) -> None:
        """As the database's owner; the service itself may not change its schema."""
        await self.run_as_owner("migrate", seconds=_MIGRATE_SECONDS)

    async def run_as_owner(self, command: str, *options: str, seconds: float) -> Path:
        """`python -m services.<name> COMMAND OPTIONS` to its end; the log of all its runs. Raises PartFailedError."""
        log = self.log.with_name(f"{self.name}-{command}.log")
        await run_to_end(
            f"{self.name} {command}",
            [sys.executable, "-m", f"services.{self.service}", command, *options],
            environment={**self.environment, "RAHNAMA_DATABASE_URL": self._database.owner_dsn},
            log=log,
            seconds=seconds,
            folder=REPOSITORY,
        )
        return log

    async def run_attached(self, command: str, *options: str, seconds: float) -> int:
        """The same on this terminal, where it may ask; its exit code."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"services.{self.service}", command, *options),
            env={**self.environment, "RAHNAMA_DATABASE_URL": self._database.owner_dsn},
            cwd=REPOSITORY,
        )
        try:
            async with asyncio.timeout(seconds):
                return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def start(self) -> None:
        """Returns when `/readyz` says so; a process that never gets ready is stopped again."""
        self.closed = None
        require_free(self.port, self.name, self._port_setting)
        child = spawn(
            self.name,
            [sys.executable, "-m", *self.module],
            environment=self.environment,
            log=self.log,
            folder=REPOSITORY,
        )
        await self._adopt(child, self._wait_until_ready)

    async def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        last = "no answer"
        async with httpx.AsyncClient(base_url=self.url, timeout=5, trust_env=False) as client:
            while time.monotonic() < deadline:
                if not child.running:
                    raise child.failed("ended while it started")
                try:
                    answer = await client.get("/readyz")
                    if answer.status_code == 200:
                        return
                    last = f"/readyz answered {answer.status_code} {answer.text[:300]}"
                    if answer.status_code == 503 and (reason := disagreement(answer.json())) is not None:
                        if not self.may_be_closed:
                            raise child.failed(f"is not ready ({stage_of(reason)}): {reason}")
                        self.closed = reason
                        return
                except httpx.HTTPError as error:
                    last = f"/readyz: {error or type(error).__name__}"
                await asyncio.sleep(0.1)
        raise child.failed(f"was not ready within {_READY_SECONDS} s; {last}")


def service_environment(
    service: str,
    port: int,
    database: ServiceDatabase,
    kafka_bootstrap: str,
    keys: Keys,
    *,
    partitions: int,
    topic_prefix: str = "",
    urls: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """No service sees another's DSN; intake alone sees where the master key is. Audit asks the others at `urls`."""
    telemetry = [name for name in os.environ if name.startswith("OTEL_")]
    environment = {
        **inherited_environment(*telemetry, *_TUNING),
        "PYTHONUNBUFFERED": "1",
        "RAHNAMA_DATABASE_URL": database.dsn,
        "RAHNAMA_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "RAHNAMA_TOPIC_PREFIX": topic_prefix,
        "RAHNAMA_PARTITIONS": str(partitions),
        "RAHNAMA_HOST": LOOPBACK,
        "RAHNAMA_PORT": str(port),
        "RAHNAMA_JWKS_FILE": str(keys.jwks_file),
        "RAHNAMA_JWT_ISSUER": ISSUER,
    }
    if service == "intake":
        environment["RAHNAMA_MASTER_KEY_FILE"] = str(keys.master_key_file)
        environment |= inherited_environment("RAHNAMA_SOURCES", "RAHNAMA_SPREADSHEET_TENANTS")
    if service == "audit" and urls is not None:
        owners = {name: url for name, url in urls.items() if name != service}
        environment["RAHNAMA_PRODUCER_URLS"] = json.dumps(owners)
    return environment
