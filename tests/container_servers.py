"""Kafka and Postgres in containers, started by testcontainers from the images that Compose would start."""

import asyncio
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

import asyncpg

from infra.images.names import image_names
from infra.local.kafka import require_answer
from infra.local.ports import LOOPBACK, free_ports

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:18"
_DOCKER_SECONDS = 10
_READY_SECONDS = 60


def image_for(setting: str, usual: str) -> str | None:
    """What Compose would start: the image that the variable names, or the usual one, or the one built offline."""
    named = os.environ.get(setting)
    for image in (named,) if named else (usual, image_names()[setting]):
        if docker_has(image):
            return image
    return None


@cache
def docker_has(image: str) -> bool:
    """True if an engine answers and has the image already: tests never wait for a download."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        asked = subprocess.run(
            [docker, "image", "inspect", image], capture_output=True, timeout=_DOCKER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


@asynccontextmanager
async def kafka_container(image: str) -> AsyncIterator[str]:
    """`host:port` of a broker, as reached from this machine."""
    [port] = free_ports(1)
    container = _container(image).with_bind_ports(9092, port)
    for name, value in {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{LOOPBACK}:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }.items():
        container = container.with_env(name, value)
    with container:
        await _within(_READY_SECONDS, lambda: require_answer(f"{LOOPBACK}:{port}"))
        yield f"{LOOPBACK}:{port}"


@asynccontextmanager
async def postgres_container(image: str) -> AsyncIterator[str]:
    """The superuser's DSN, as reached from this machine."""
    [port] = free_ports(1)
    password = secrets.token_hex(16)
    dsn = f"postgresql://postgres:{password}@{LOOPBACK}:{port}/postgres"
    container = _container(image).with_bind_ports(5432, port)
    for name, value in {
        "POSTGRES_PASSWORD": password,
        "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8",
    }.items():
        container = container.with_env(name, value)

    async def connect() -> None:
        await (await asyncpg.connect(dsn, timeout=5)).close()

    with container.with_command("postgres -c max_connections=200 -c timezone=UTC -c jit=off"):
        await _within(_READY_SECONDS, connect)
        yield dsn


def _container(image: str) -> "DockerContainer":
    """Taken away at the end by testcontainers' reaper, or where its image cannot be had by the fixtures alone."""
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    testcontainers_config.ryuk_disabled = not docker_has(testcontainers_config.ryuk_image)
    return DockerContainer(image)


async def _within(seconds: float, attempt: Callable[[], Awaitable[None]]) -> None:
    """Try until it does not raise, for at most so long; then its last error stands."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            await attempt()
            return
        except Exception:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(0.2)
