"""Runs a service's command as its database's owner, which no service is; the service must be stopped:

docker compose run --rm prepare python -m infra.docker.as_owner intake recover
"""

import os
import subprocess
import sys
from pathlib import Path

from infra.local.databases import describe_databases
from infra.local.keys import Keys
from infra.services import NAMES

MIGRATE_SECONDS = 120
COMMAND_SECONDS = 4 * 3600


def run_as_owner(service: str, command: str, *options: str, seconds: float) -> int:
    """The exit code of `python -m services.<service> <command> <options>`. Only intake's commands see the master key."""
    keys = Keys(Path(os.environ["RAHNAMA_KEYS"]))
    environment = {
        **os.environ,
        "RAHNAMA_DATABASE_URL": describe_databases(os.environ["POSTGRES_ADMIN_DSN"]).of(service).owner_dsn,
        "RAHNAMA_JWKS_FILE": str(keys.jwks_file),
    }
    if service == "intake":
        environment["RAHNAMA_MASTER_KEY_FILE"] = str(keys.master_key_file)
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}", command, *options],
        env=environment,
        timeout=seconds,
        check=False,
    )
    return done.returncode


def main() -> int:
    """A copy of an older release has not all that a command needs, so it is migrated first."""
    if len(sys.argv) < 3 or sys.argv[1] not in NAMES:
        print(f"usage: python -m infra.docker.as_owner {'|'.join(NAMES)} COMMAND [OPTION …]", file=sys.stderr)
        return 2
    service, command, *options = sys.argv[1:]
    return run_as_owner(service, "migrate", seconds=MIGRATE_SECONDS) or run_as_owner(
        service, command, *options, seconds=COMMAND_SECONDS
    )


if __name__ == "__main__":
    raise SystemExit(main())
