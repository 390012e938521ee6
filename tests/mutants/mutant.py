"""A mutant: one small change of one file that breaks one promise."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

Outcome = Literal["caught", "survived", "error"]
"""`error`: nothing was shown, because no assertion failed although the run of the catchers did."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` occurs exactly once in `file` and becomes `new`; an assertion in one of the `catchers` must then fail.

    `catchers` are pytest's paths: files, or the nodes in them.
    """

    name: str
    breaks: str
    file: str
    old: str
    new: str
    catchers: tuple[str, ...]

    def plant(self, tree: Path) -> None:
        """Changes the file below `tree`. Raises `ValueError` unless `old` occurs exactly once."""
        path = tree / self.file
        text = path.read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self.name}: what it replaces occurs {count} times in {self.file}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a mutant. `caught_by` is the test whose assertion failed; `detail` is why nothing was shown."""

    mutant: Mutant
    outcome: Outcome
    caught_by: str
    seconds: float
    detail: str = ""

    def as_error(self, detail: str) -> "Trial":
        """The same, as one that shows nothing."""
        return replace(self, outcome="error", caught_by="", detail=detail)
