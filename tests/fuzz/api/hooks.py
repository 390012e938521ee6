"""What schemathesis cannot know: a token, and ids that exist, so that not every request ends with 404.

Loaded by its command line through SCHEMATHESIS_HOOKS. RAHNAMA_FUZZ_TOKEN is the token, RAHNAMA_FUZZ_KNOWN the file with
the ids. The token is no header of the command line: those are also sent where a check leaves the token out on purpose.
"""

import json
import os
from pathlib import Path
from typing import Any

import schemathesis

KNOWN: dict[str, list[Any]] = json.loads(Path(os.environ["RAHNAMA_FUZZ_KNOWN"]).read_text())


@schemathesis.auth()
class Token:
    """On every request, unless a check takes it off."""

    def get(self, _case: Any, _context: Any) -> str:
        return os.environ["RAHNAMA_FUZZ_TOKEN"]

    def set(self, case: Any, data: str, _context: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def map_path_parameters(_context: Any, parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Every second value that fits the schema becomes one that exists: which one follows from the value."""
    for name, value in (parameters or {}).items():
        number = sum(str(value).encode())
        if name in KNOWN and number % 2 == 0:
            assert parameters is not None
            parameters[name] = KNOWN[name][number // 2 % len(KNOWN[name])]
    return parameters


@schemathesis.hook
def map_query(_context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Three of four positions to wait for are left out: hardly any text is one, and all would be refused by it."""
    if query and sum(str(query).encode()) % 4:
        query.pop("min_position", None)
    return query
