"""Which tests assert nothing, by their syntax: they pass with what they test a no-op.

A test asserts by `assert`, `pytest.raises`, `pytest.fail`, `raise AssertionError`, an `assert_…` method, or a function
of `tests/` or `infra/` that asserts, found through imports, nested functions and methods.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef
FAILING_CALLS: Final = frozenset({"raises", "fail", "warns", "run_state_machine_as_test"})
FAILURES: Final = frozenset({"AssertionError", "CheckFailed"})


@dataclass(slots=True)
class Module:
    """The functions of a file by name (methods with their class before a dot), and what its names mean."""

    name: str
    functions: dict[str, Function] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Program:
    """All files by dotted name."""

    modules: dict[str, Module]
    methods: dict[str, list[tuple[Module, Function]]]
    known: dict[int, bool] = field(default_factory=dict)

    def asserts(self, module: Module, function: Function) -> bool:
        """Whether the function, or one that it calls, can fail by an assertion."""
        key = id(function)
        if key not in self.known:
            self.known[key] = False  # one that only calls itself asserts nothing
            self.known[key] = _asserts_itself(function) or any(
                self.asserts(*called) for called in self._called(module, function)
            )
        return self.known[key]

    def _called(self, module: Module, function: Function) -> Iterator[tuple[Module, Function]]:
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield from self._named(module, node.id)
            elif isinstance(node, ast.Attribute):
                yield from self._attribute(module, node)

    def _named(self, module: Module, name: str) -> Iterator[tuple[Module, Function]]:
        if name in module.functions:
            yield module, module.functions[name]
            return
        owner, _, member = module.imported.get(name, "").rpartition(".")
        if (other := self.modules.get(owner)) and member in other.functions:
            yield other, other.functions[member]

    def _attribute(self, module: Module, node: ast.Attribute) -> Iterator[tuple[Module, Function]]:
        if isinstance(node.value, ast.Name) and (
            other := self.modules.get(module.imported.get(node.value.id, ""))
        ):
            if node.attr in other.functions:
                yield other, other.functions[node.attr]
            return
        candidates = self.methods.get(node.attr, [])
        # Types are not known here: a method counts only if each one of its name asserts.
        if candidates and all(self.asserts(*candidate) for candidate in candidates):
            yield candidates[0]


def read_program(root: Path, folders: Sequence[str] = ("tests", "infra")) -> Program:
    """Parses every file of `folders` below `root`."""
    modules = dict[str, Module]()
    methods = dict[str, list[tuple[Module, Function]]]()
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        module = modules[name] = Module(name)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    module.imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.ClassDef):
                for method in _functions(node):
                    module.functions[f"{node.name}.{method.name}"] = method
                    methods.setdefault(method.name, []).append((module, method))
        for function in _functions(tree):
            module.functions[function.name] = function
    return Program(modules, methods)


def without_assertion(program: Program) -> list[str]:
    """`module::test` of every test that cannot fail by an assertion."""
    return [
        f"{module.name}::{name}"
        for module in program.modules.values()
        if module.name.rpartition(".")[2].startswith("test_")
        for name, function in module.functions.items()
        if name.rpartition(".")[2].startswith("test_") and not program.asserts(module, function)
    ]


def _functions(owner: ast.AST) -> Iterator[Function]:
    for node in ast.iter_child_nodes(owner):
        if isinstance(node, Function):
            yield node


def _asserts_itself(function: Function) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Raise) and node.exc is not None and _last_name(node.exc) in FAILURES:
            return True
        if isinstance(node, ast.Call):
            name = _last_name(node)
            if name in FAILING_CALLS or name.startswith("assert_"):
                return True
    return False


def _last_name(node: ast.AST) -> str:
    """`raises` of `pytest.raises(…)`."""
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
