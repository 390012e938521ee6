"""A mutant: one small change of one file that breaks one promise."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["caught", "survived", "broken"]
"""`broken`: its catchers could not be run to an end, so that nothing was shown."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands exactly once in `file` and becomes `new`; one of the `catchers` (pytest's paths) must then fail."""

    name: str
    breaks: str
    file: str
    old: str
    new: str
    catchers: tuple[str, ...]

    def plant(self, tree: Path) -> None:
        """Changes the file below `tree`. Raises `ValueError` when `old` does not stand there exactly once."""
        path = tree / self.file
        text = path.read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self.name}: what it replaces stands {count} times in {self.file}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a mutant. `caught_by` is the first test that failed."""

    mutant: Mutant
    outcome: Outcome
    caught_by: str
    seconds: float
