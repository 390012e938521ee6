"""No decision asks what time it is: import-linter sees modules, this looks at what is called of `datetime`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("services/*/decide/*.py"))
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "urandom", "uuid4", "uuid7", "random"}


def calls(tree: ast.AST) -> Iterator[str]:
    """The last word of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute):
                yield called.attr
            elif isinstance(called, ast.Name):
                yield called.id


def test_all_three_services_have_decisions() -> None:
    assert {file.parts[-3] for file in FILES} == {"intake", "allocation", "audit"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_is_asked_of_a_clock_or_of_chance(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert not CLOCKS & set(calls(tree))


@pytest.mark.parametrize(
    "file", sorted((ROOT / "services/allocation/decide").glob("*.py")), ids=lambda file: str(file.name)
)
def test_nothing_is_ranked_by_floats(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Div), "a true division makes a float"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float))
    assert "float" not in set(calls(tree))
