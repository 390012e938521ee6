"""Makes what the containers stand on: keys, databases with their roles, topics, migrations; and their settings.

Reads POSTGRES_ADMIN_DSN, RAHNAMA_KAFKA_BOOTSTRAP, RAHNAMA_PARTITIONS and RAHNAMA_KAFKA_QUOTAS. Keeps the keys in RAHNAMA_KEYS, and gives
each service a folder of its own below RAHNAMA_SECRETS: its DSN and the public keys, and to intake the master key. A
folder more has the token with which metrics are read.
It can be run again: what is there stays. It runs as the user of the services, whose files it writes.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from aiokafka.errors import KafkaError

from infra.docker.as_owner import MIGRATE_SECONDS, run_as_owner
from infra.local.databases import ServiceDatabase, ensure_databases
from infra.local.errors import LocalError
from infra.local.keys import Keys, ensure_keys
from infra.local.quotas import ensure_quotas
from infra.local.tokens import make_token
from infra.local.topics import DEFAULT_PARTITIONS, ensure_topics
from infra.services import NAMES

KAFKA_SECONDS = 60
METRICS_HOURS = 365 * 24  # made anew whenever the containers are brought up


async def prepare(
    admin_dsn: str, bootstrap: str, partitions: int, keys: Path, secrets: Path, *, quotas: bool
) -> None:
    """All of it, in order; raises what the servers raise. `quotas` are of the whole cluster: not of one that others use."""
    made = ensure_keys(keys)
    databases = await ensure_databases(admin_dsn)
    await _ensure_topics(bootstrap, partitions)
    if quotas:
        await ensure_quotas(bootstrap)
    for service in NAMES:
        if run_as_owner(service, "migrate", seconds=MIGRATE_SECONDS) != 0:
            raise LocalError(f"{service} was not migrated")
        _hand_over(service, databases.of(service), made, secrets / service)
    token = make_token(made, "metrics", hours=METRICS_HOURS)
    _write(secrets / "metrics" / "metrics.token", token.encode())


async def _ensure_topics(bootstrap: str, partitions: int) -> None:
    """A broker's port may be open a moment before it answers."""
    deadline = time.monotonic() + KAFKA_SECONDS
    while True:
        try:
            await ensure_topics(bootstrap, partitions=partitions)
            return
        except (KafkaError, TimeoutError, OSError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(1)


def _hand_over(service: str, database: ServiceDatabase, keys: Keys, folder: Path) -> None:
    files = {
        "service.env": f"RAHNAMA_DATABASE_URL={database.dsn}\n".encode(),
        keys.jwks_file.name: keys.jwks_file.read_bytes(),
    }
    if service == "intake":
        files[keys.master_key_file.name] = keys.master_key_file.read_bytes()
    for name, content in files.items():
        _write(folder / name, content)


def _write(path: Path, content: bytes) -> None:
    """Whoever starts now reads the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.chmod(0o400)
    fresh.replace(path)


def _read_quotas(value: str) -> bool:
    if value not in ("0", "1"):
        raise LocalError("RAHNAMA_KAFKA_QUOTAS: allowed: 1, or 0 on a cluster that others use")
    return value == "1"


def main() -> int:
    """Exit code 1, with the reason in a line, when a person has to change something."""
    try:
        asyncio.run(
            prepare(
                os.environ["POSTGRES_ADMIN_DSN"],
                os.environ["RAHNAMA_KAFKA_BOOTSTRAP"],
                int(os.environ.get("RAHNAMA_PARTITIONS", DEFAULT_PARTITIONS)),
                Path(os.environ["RAHNAMA_KEYS"]),
                Path(os.environ["RAHNAMA_SECRETS"]),
                quotas=_read_quotas(os.environ.get("RAHNAMA_KAFKA_QUOTAS", "1")),
            )
        )
    except LocalError as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
