"""Documents that code and documents name are in the repository."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.home import REPOSITORY

SUFFIXES = {".py", ".md", ".sql", ".toml", ".yml", ".yaml", ".json", ".sh", ".in"}
CITED = re.compile(r"[\w./{}-]*\w\}?\.md\b")
DECISION = re.compile(r"\bADR (\d+)")
IGNORED = {".git", ".rahnama", "node_modules", "docs/reports"}


def files(root: Path) -> Iterator[Path]:
    """Text files of the project, without what is installed or generated."""
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if (
            relative.parts[0] in IGNORED
            or relative.parent.as_posix() in IGNORED
            or "__pycache__" in relative.parts
        ):
            continue
        if path.is_file() and (path.suffix in SUFFIXES or path.name == "Makefile"):
            yield path


def missing(root: Path) -> list[str]:
    """`file: document` of each one that is named and is not there. A bare name can be anywhere below docs."""
    found = []
    documents = {path.name for path in (root / "docs").rglob("*.md")} | {
        path.name for path in root.glob("*.md")
    }
    decisions = {int(path.name[:4]) for path in (root / "docs" / "adr").glob("[0-9]*.md")}
    for path in files(root):
        if path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        for name in CITED.findall(text):
            there = (
                "{" in name
                or (path.parent / name).exists()
                or (root / name.lstrip("/")).exists()
                or (root / "docs" / "reports" / name).exists()
                or (Path(name).name in documents and "/" not in name)
            )
            if not there:
                found.append(f"{path.relative_to(root)}: {name}")
        found += [
            f"{path.relative_to(root)}: ADR {number}"
            for number in DECISION.findall(text)
            if int(number) not in decisions
        ]
    return found


def test_every_document_that_is_cited_is_in_the_repository() -> None:
    assert missing(REPOSITORY) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("see docs/one.md", 0),
        ("see one.md, and ADR 1", 0),
        ("see [one](docs/one.md#part)", 0),
        ("see domain.md, section 4", 1),
        ("see docs/two.md", 1),
        ("see elsewhere/one.md", 1),
        ("see ADR 7", 1),
    ],
)
def test_a_document_that_is_not_there_is_found(tmp_path: Path, text: str, count: int) -> None:
    (tmp_path / "docs" / "adr").mkdir(parents=True)
    (tmp_path / "docs" / "one.md").touch()
    (tmp_path / "docs" / "adr" / "0001-first.md").touch()
    (tmp_path / "code.py").write_text(f'"""{text}."""')
    assert len(missing(tmp_path)) == count
