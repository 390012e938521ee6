"""What has come of the inputs so far, kept in a file so that it outlives the process of the fuzzer."""

import json
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.fuzz.events.inputs import Door, Input, pack

MOST_FAILURES: Final = 20
"""Kinds of failure of which an input is kept."""


@dataclass
class Tally:
    """Counts in `folder`, where the inputs that failed are kept, too."""

    folder: Path
    inputs: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)
    slowest_seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many inputs were met."""
        return self.inputs.total()

    def add(self, door: Door, outcomes: Counter[str], seconds: float) -> None:
        """An input that ended as it should."""
        self._met(door, seconds)
        self.outcomes.setdefault(door.name, Counter()).update(outcomes)

    def fail(self, made: Input, error: BaseException, seconds: float) -> None:
        """An input that did not. Of each kind of error and place the first is kept."""
        self._met(made.door, seconds)
        place = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__}: {str(error)[:200]} ({Path(place.filename).name}, {place.name})"
        if kind in self.failures:
            self.failures[kind]["times"] += 1
        elif len(self.failures) < MOST_FAILURES:
            file = self.folder / f"failure-{len(self.failures)}"
            file.write_bytes(pack(made))
            self.failures[kind] = {"kind": kind, "door": made.door.name, "input": str(file), "times": 1}

    def _met(self, door: Door, seconds: float) -> None:
        self.inputs[door.name] += 1
        self.slowest_seconds = max(self.slowest_seconds, seconds)

    def write(self) -> None:
        """Keeps it."""
        by_door = {
            door: {"inputs": count, "outcomes": dict(self.outcomes.get(door, Counter()).most_common())}
            for door, count in sorted(self.inputs.items())
        }
        kept = {
            "inputs": self.count,
            "by_door": by_door,
            "slowest_milliseconds": round(1000 * self.slowest_seconds, 1),
            "failures": list(self.failures.values()),
        }
        (self.folder / "tally.json").write_text(json.dumps(kept))
