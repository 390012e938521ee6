"""How a service is started: `python -m services.<name>` serves, `… migrate` migrates, other words are its commands."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

import asyncpg
import uvicorn
from aiokafka.errors import KafkaError
from fastapi import FastAPI
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts.partitions import DEFAULT_COUNT, require_even
from shared.errors import Misconfigured, NotConfirmed, RahnamaError
from shared.http.server.connection_limits import ConnectionLimits
from shared.http.server.connections import bounded_protocol
from shared.postgres import TRANSIENT_ERRORS, migrate
from shared.recover.consent import Consent, consent_of
from shared.service.addresses import require_dsn
from shared.service.read_settings import read_settings
from shared.service.settings import ServiceSettings

KEEP_ALIVE_SECONDS: Final = 75
STOP_SECONDS: Final = 8
BACKLOG: Final = 512
NOT_CONFIRMED: Final = 3
"""Exit code of a command that changed nothing because nobody agreed to its plan."""

COMMAND_FAULTS: Final = (KafkaError, asyncpg.PostgresError, *TRANSIENT_ERRORS)
"""What a server does to a command; it is safe to give the command again."""

Settings = TypeVar("Settings", bound=ServiceSettings)
AnySettings = TypeVar("AnySettings", bound=BaseSettings)


class MigrationSettings(BaseSettings):
    """What a migration needs: the owner's DSN, and the partition count that the database is created with."""

    model_config = SettingsConfigDict(env_prefix="RAHNAMA_", frozen=True, extra="ignore")

    database_url: str
    partitions: int = Field(DEFAULT_COUNT)

    _dsn = field_validator("database_url")(require_dsn)


def main(
    name: str,
    settings: type[Settings],
    build: Callable[[Settings], FastAPI],
    migrations: Sequence[str],
    commands: Mapping[str, Callable[[Settings], AsyncIterator[str]]] = MappingProxyType({}),
    asking: Mapping[str, Callable[[Settings, Consent], AsyncIterator[str]]] = MappingProxyType({}),
) -> None:
    """Runs what the command line asks for; `commands` report line by line, those in `asking` need consent as well.

    Exits with 2 when the words are unknown, with 1 when a command could not do it, and with 3 when nobody agreed.
    """
    match sys.argv[1:]:
        case []:
            _serve(_read(settings), build)
        case ["migrate"]:
            asyncio.run(_migrate(name, _read(MigrationSettings), migrations))
        case [word] if word in commands:
            asyncio.run(_run(commands[word](_read(settings))))
        case [word, *arguments] if word in asking:
            consent = consent_of(arguments, f"python -m services.{name} {word}")
            asyncio.run(_run(asking[word](_read(settings), consent)))
        case _:
            words = " | ".join(["migrate", *asking, *commands])
            print(f"usage: python -m services.{name} [{words}]", file=sys.stderr)  # noqa: T201
            raise SystemExit(2)


async def _run(command: AsyncIterator[str]) -> None:
    try:
        async for line in command:
            print(line, flush=True)  # noqa: T201
    except (RahnamaError, *COMMAND_FAULTS) as error:
        print(f"{error}" or type(error).__name__, file=sys.stderr)  # noqa: T201
        raise SystemExit(NOT_CONFIRMED if isinstance(error, NotConfirmed) else 1) from None


def _read(shape: type[AnySettings]) -> AnySettings:
    """The settings of the environment. Exits with 2, naming each that is wrong."""
    try:
        return read_settings(shape)
    except Misconfigured as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


def _serve(settings: Settings, build: Callable[[Settings], FastAPI]) -> None:
    # Uvicorn drains on SIGTERM and then raises it again, for whoever handled it before: a clean end is 0.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        lambda: _built(settings, build),
        factory=True,  # built inside the running loop, which pools and events need
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=bounded_protocol(ConnectionLimits(connections=settings.connections)),
        ws="none",
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=BACKLOG,
    )


def _built(settings: Settings, build: Callable[[Settings], FastAPI]) -> FastAPI:
    try:
        return build(settings)
    except Misconfigured as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


async def _migrate(name: str, settings: MigrationSettings, packages: Sequence[str]) -> None:
    applied = await migrate(
        settings.database_url,
        packages,
        role=f"rahnama_{name}",
        settings={"partitions": str(require_even(settings.partitions))},
    )
    for migration in applied:
        print(migration)  # noqa: T201
