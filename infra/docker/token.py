"""Prints a bearer token of the containers' issuer: docker compose run --rm --no-deps prepare python -m infra.docker.token operator."""

import os
import sys
from pathlib import Path

from infra.local.errors import LocalError
from infra.local.keys import Keys
from infra.local.tokens import ROLES, make_token


def main() -> int:
    """The one argument is the role."""
    if len(sys.argv) != 2:
        print(f"usage: python -m infra.docker.token {'|'.join(ROLES)}", file=sys.stderr)
        return 2
    try:
        print(make_token(Keys(Path(os.environ["RAHNAMA_KEYS"])), sys.argv[1]))
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
