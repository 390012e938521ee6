"""Makes what the containers stand on: keys, databases with their roles, topics, migrations; and their settings.

Reads POSTGRES_ADMIN_DSN, RAHNAMA_KAFKA_BOOTSTRAP and RAHNAMA_PARTITIONS. Keeps the keys in RAHNAMA_KEYS, and gives
each service a folder of its own below RAHNAMA_SECRETS: its DSN and the public keys, and to intake the master key.
It can be run again: what is there stays.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.local.databases import SERVICES, ServiceDatabase, ensure_databases
from infra.local.keys import Keys, ensure_keys
from infra.local.topics import DEFAULT_PARTITIONS, ensure_topics

SERVICE_USER = 10001
MIGRATE_SECONDS = 120


async def prepare(admin_dsn: str, bootstrap: str, partitions: int, keys: Path, secrets: Path) -> None:
    """All of it, in order; raises what the servers raise."""
    made = ensure_keys(keys)
    databases = await ensure_databases(admin_dsn)
    await ensure_topics(bootstrap, partitions=partitions)
    for service in SERVICES:
        _migrate(service, databases.of(service), partitions)
        _hand_over(service, databases.of(service), made, secrets / service)


def _migrate(service: str, database: ServiceDatabase, partitions: int) -> None:
    environment = {
        **os.environ,
        "RAHNAMA_DATABASE_URL": database.owner_dsn,
        "RAHNAMA_PARTITIONS": str(partitions),
    }
    command = [sys.executable, "-m", f"services.{service}", "migrate"]
    subprocess.run(command, env=environment, check=True, timeout=MIGRATE_SECONDS)


def _hand_over(service: str, database: ServiceDatabase, keys: Keys, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "service.env").write_text(f"RAHNAMA_DATABASE_URL={database.dsn}\n", encoding="utf-8")
    files = [keys.jwks_file] + ([keys.master_key_file] if service == "intake" else [])
    for file in files:
        shutil.copyfile(file, folder / file.name)
    for path in (folder, *folder.iterdir()):
        os.chown(path, SERVICE_USER, SERVICE_USER)
        path.chmod(0o700 if path.is_dir() else 0o400)


if __name__ == "__main__":
    asyncio.run(
        prepare(
            os.environ["POSTGRES_ADMIN_DSN"],
            os.environ["RAHNAMA_KAFKA_BOOTSTRAP"],
            int(os.environ.get("RAHNAMA_PARTITIONS", DEFAULT_PARTITIONS)),
            Path(os.environ["RAHNAMA_KEYS"]),
            Path(os.environ["RAHNAMA_SECRETS"]),
        )
    )
