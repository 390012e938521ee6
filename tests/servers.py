"""The real servers that integration tests use: named by the environment, from Docker, or started here.

Nothing starts before a test asks for it. Whatever is started here ends with the session: by the fixtures, and if the
process is killed, by the kernel (infra/local/process.py).
"""

import asyncio
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from infra.images.names import image_names
from infra.local.databases import (
    SERVICES,
    Databases,
    describe_databases,
    drop_databases,
    ensure_databases,
    ensure_schema,
)
from infra.local.home import Home
from infra.local.kafka import KafkaServer, require_answer
from infra.local.ports import LOOPBACK, free_ports
from infra.local.postgres import PostgresServer
from infra.local.topics import DEFAULT_PARTITIONS, delete_topics, ensure_topics

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:18"
_DOCKER_SECONDS = 10
_READY_SECONDS = 60
_WIPE_SECONDS = 30


@dataclass(frozen=True)
class PostgresCluster:
    """A Postgres where tests get sets of three databases."""

    admin_dsn: str
    _wiped: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Databases]:
        """A set with a suffix of its own, empty, and wiped at the end for another test.

        It is not dropped: each `DROP DATABASE` is a checkpoint, of a second now and then.
        """
        is_new = not self._wiped
        suffix = f"_t{secrets.token_hex(4)}" if is_new else self._wiped.pop()
        try:
            if is_new:
                await ensure_databases(self.admin_dsn, suffix)
            databases = describe_databases(self.admin_dsn, suffix)
            yield databases
            await wipe_databases(self.admin_dsn, databases)
        except BaseException:
            await drop_databases(self.admin_dsn, suffix)
            raise
        self._wiped.append(suffix)

    async def drop_all(self) -> None:
        """Leaves nothing, in a cluster that is somebody else's."""
        while self._wiped:
            await drop_databases(self.admin_dsn, self._wiped.pop())


async def wipe_databases(admin_dsn: str, databases: Databases) -> None:
    """Ends whatever is connected to a set, and leaves it without a table, a row or a count of statistics."""
    for service in SERVICES:
        name = databases.of(service).name
        inside = urlsplit(admin_dsn)._replace(path=f"/{name}").geturl()
        connection = await asyncpg.connect(inside, timeout=_WIPE_SECONDS, command_timeout=_WIPE_SECONDS)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid();"
                "DROP SCHEMA public CASCADE; CREATE SCHEMA public; SELECT pg_stat_reset();"
            )
        finally:
            await connection.close(timeout=5)
        await ensure_schema(admin_dsn, name, service)


@dataclass(frozen=True)
class TopicSet:
    """The five topics under a prefix of their own."""

    bootstrap: str
    prefix: str
    partitions: int

    def name(self, topic: str) -> str:
        """`rahnama.intake` → `t3f2a1.rahnama.intake`."""
        return self.prefix + topic


MakesDatabases = Callable[[], Awaitable[Databases]]
MakesTopics = Callable[..., Awaitable[TopicSet]]


@asynccontextmanager
async def fresh_topics(bootstrap: str, partitions: int = DEFAULT_PARTITIONS) -> AsyncIterator[TopicSet]:
    """Made with so many partitions, deleted at the end."""
    topics = TopicSet(bootstrap, f"t{secrets.token_hex(4)}.", partitions)
    try:
        await ensure_topics(bootstrap, partitions=partitions, prefix=topics.prefix)
        yield topics
    finally:
        await delete_topics(bootstrap, topics.prefix)


@asynccontextmanager
async def running_kafka() -> AsyncIterator[str]:
    """`host:port` of a broker."""
    if named := os.environ.get("RAHNAMA_TEST_KAFKA"):
        await require_answer(named)
        yield named
    elif image := image_for("KAFKA_IMAGE", KAFKA_IMAGE):
        async with _kafka_container(image) as bootstrap:
            yield bootstrap
    else:
        home = Home.from_environment()
        with home.scratch_folder("tests") as folder:
            server = KafkaServer(home, folder / "kafka", free_ports(1)[0])
            try:
                await server.start()
                yield server.bootstrap
            finally:
                await server.stop()


@asynccontextmanager
async def running_postgres() -> AsyncIterator[PostgresCluster]:
    """A cluster of which we are the superuser."""
    if named := os.environ.get("RAHNAMA_TEST_POSTGRES"):
        cluster = PostgresCluster(named)
        try:
            yield cluster
        finally:
            await cluster.drop_all()
    elif image := image_for("POSTGRES_IMAGE", POSTGRES_IMAGE):
        async with _postgres_container(image) as cluster:
            yield cluster
    else:
        with Home.from_environment().scratch_folder("tests") as folder:
            server = PostgresServer(folder / "postgres")
            try:
                await server.start()
                yield PostgresCluster(server.admin_dsn)
            finally:
                await server.stop()


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
async def _kafka_container(image: str) -> AsyncIterator[str]:
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
async def _postgres_container(image: str) -> AsyncIterator[PostgresCluster]:
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
        yield PostgresCluster(dsn)


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
