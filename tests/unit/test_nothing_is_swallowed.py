"""A broad `except` raises again, logs, or hands the error on; `suppress(Exception)` does none of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.home import REPOSITORY

FOLDERS = ("shared", "services", "infra", "tests")
BROAD = {"Exception", "BaseException"}
LOGGERS = {"_log", "log", "logger", "_logger", "logging"}


def swallowed(tree: ast.AST) -> Iterator[int]:
    """The lines at which any error disappears."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and named(node.func) == "suppress" and BROAD & names(node.args):
            yield node.lineno
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or BROAD & names([node.type])
            if broad and not any(keeps(inner, node.name) for part in node.body for inner in ast.walk(part)):
                yield node.lineno


def keeps(node: ast.AST, error: str | None) -> bool:
    """Whether it raises, logs, or uses the error."""
    if isinstance(node, ast.Raise):
        return True
    if isinstance(node, ast.Name) and node.id == error:
        return True
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and named(node.func.value) in LOGGERS
    )


def names(nodes: list[ast.expr]) -> set[str]:
    return {named(inner) for node in nodes for inner in ast.walk(node)}


def named(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_no_error_disappears_without_a_trace() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for folder in FOLDERS
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        for line in swallowed(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("with suppress(Exception):\n    work()", 1),
        ("with contextlib.suppress(KeyError, BaseException):\n    work()", 1),
        ("with suppress(KeyError):\n    work()", 0),
        ("try:\n    work()\nexcept Exception:\n    pass", 1),
        ("try:\n    work()\nexcept:\n    result = None", 1),
        ("try:\n    work()\nexcept (KeyError, Exception):\n    pass", 1),
        ("try:\n    work()\nexcept Exception as error:\n    pass", 1),
        ("try:\n    work()\nexcept Exception as error:\n    fail(error)", 0),
        ("try:\n    work()\nexcept Exception:\n    _log.warning('work_failed')", 0),
        ("try:\n    work()\nexcept BaseException:\n    stop()\n    raise", 0),
        ("try:\n    work()\nexcept KeyError:\n    pass", 0),
    ],
)
def test_what_swallows_is_found(code: str, count: int) -> None:
    assert len(list(swallowed(ast.parse(code)))) == count


def test_the_check_reads_the_project() -> None:
    assert len(list(Path(REPOSITORY, "services").rglob("*.py"))) > 50
