"""How far the start is, for whoever waits: a live table on a terminal, a line for each change elsewhere."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

_MARKS = {"ready": "[green]✓[/]", "failed": "[red]✗[/]", "waiting": "[dim]·[/]"}


class StageScreen:
    """On standard error, so that what a command prints can be piped."""

    def __init__(self) -> None:
        """Shows nothing before the first `update`."""
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=8) if sys.stderr.isatty() else None
        self._began = time.monotonic()
        self._shown: dict[str, str] = {}
        self._since: dict[str, float] = {}

    def update(self, stages: Mapping[str, str]) -> None:
        """`stages` by part; call it as often as you like."""
        now = time.monotonic() - self._began
        changed = {name: stage for name, stage in stages.items() if self._shown.get(name, "waiting") != stage}
        for name in changed:
            self._since[name] = now
        self._shown = dict(stages)
        if self._live is not None:
            self._live.update(self._table())
            return
        for name, stage in changed.items():
            self._console.print(f"{now:6.1f} s  {name:<10} {stage}")

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, stage in self._shown.items():
            since = f"[dim]{self._since[name]:.1f} s[/]" if name in self._since else ""
            table.add_row(_MARKS.get(stage, "[yellow]…[/]"), name, stage, since)
        return table

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
