"""Named queries, kept in `.sql` files beside the modules that run them."""

import re
from collections.abc import Mapping
from importlib import resources


def named_queries(package: str, file: str = "queries.sql") -> Mapping[str, str]:
    """The queries of a `.sql` file beside the module that runs them, by name.

    Each starts with a line `-- name: its_name` and, on the next, its purpose.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: *(\w+) *$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
