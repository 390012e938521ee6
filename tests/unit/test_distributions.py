"""Each of the four distributions declares what it imports, and nothing that it does not."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DISTRIBUTIONS = ("shared", "services/intake", "services/allocation", "services/audit")
RUN_BY_UVICORN = {"uvloop"}
"""Chosen by name in `shared.service.main`, imported by uvicorn."""


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_distribution_declares_exactly_what_it_imports(folder: str) -> None:
    expected = imported(REPOSITORY / folder)
    if folder == "shared":
        expected |= RUN_BY_UVICORN
        expected.add("opentelemetry-exporter-otlp")
        expected -= {
            "opentelemetry-exporter-otlp-proto-grpc", "opentelemetry-exporter-otlp-proto-http", "opentelemetry-api",
        }  # fmt: skip
    else:
        expected.add("rahnama-shared")
    assert declared(REPOSITORY / folder) == expected


def declared(folder: Path) -> set[str]:
    """The names in `dependencies`, without ranges and extras."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {re.split(r"[\[<>=!~ ]", text, maxsplit=1)[0].lower() for text in project["dependencies"]}


def imported(folder: Path) -> set[str]:
    """The distributions of the packages that the folder's modules import, the standard library and ours apart."""
    modules: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    found = packages_distributions()
    names: set[str] = set()
    for module in modules:
        top = module.split(".")[0]
        if top in sys.stdlib_module_names or top in ("shared", "services"):
            continue
        names.add(_distribution(module, [name.lower() for name in found[top]]))
    return names


def _distribution(module: str, candidates: list[str]) -> str:
    """Of a namespace that several distributions share, the one that the module's name points to."""
    wanted = module.replace(".", "-").replace("_", "-")
    fitting = [name for name in candidates if wanted.startswith(name)]
    return (max(fitting, key=len) if fitting else min(candidates, key=len)).replace("_", "-")
