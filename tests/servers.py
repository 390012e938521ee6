"""The real servers that integration tests use: named by the environment, from Docker, or started here.

Nothing starts before a test asks for it. Whatever is started here ends with the session: by the fixtures, and if the
process is killed, by the kernel (infra/local/process.py).
"""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg

from infra.local.databases import (
    Databases,
    describe_databases,
    drop_databases,
    ensure_databases,
    ensure_schema,
)
from infra.local.home import Home
from infra.local.kafka import KafkaServer, require_answer
from infra.local.ports import free_ports
from infra.local.postgres import PostgresServer
from infra.local.topics import DEFAULT_PARTITIONS, delete_topics, ensure_topics
from infra.services import NAMES
from tests.container_servers import (
    KAFKA_IMAGE,
    POSTGRES_IMAGE,
    image_for,
    kafka_container,
    postgres_container,
)

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
    for service in NAMES:
        name = databases.of(service).name
        inside = urlsplit(admin_dsn)._replace(path=f"/{name}").geturl()
        connection = await asyncpg.connect(inside, timeout=_WIPE_SECONDS, command_timeout=_WIPE_SECONDS)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid();"
                "DROP SCHEMA public CASCADE; CREATE SCHEMA public; SELECT pg_stat_reset();"
                f"REVOKE TEMPORARY ON DATABASE {name} FROM rahnama_{service};"
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
        async with kafka_container(image) as bootstrap:
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
        async with postgres_container(image) as admin_dsn:
            yield PostgresCluster(admin_dsn)
    else:
        with Home.from_environment().scratch_folder("tests") as folder:
            server = PostgresServer(folder / "postgres")
            try:
                await server.start()
                yield PostgresCluster(server.admin_dsn)
            finally:
                await server.stop()
