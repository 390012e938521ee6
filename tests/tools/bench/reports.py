"""Where reports go, and how those of soak and overload look."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local.home import Home
from tests.provenance import REPORTS
from tests.tools.bench.pages import about, flat, shown


def folder_of(*, docs: bool) -> Path:
    """docs/reports, or a folder that git does not see."""
    return REPORTS if docs else Home.from_environment().root / "reports"


def write(folder: Path, name: str, report: Mapping[str, Any], title: str, plots: Mapping[str, str]) -> None:
    """The report as JSON, and as a page that shows the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(page(name, report, title, plots), encoding="utf-8")


def page(name: str, report: Mapping[str, Any], title: str, plots: Mapping[str, str]) -> str:
    """The report in Markdown."""
    lines = [
        f"# {title}",
        "",
        f"Made by `make {name} TABLE=1`. What it means: [benchmarks](../benchmarks.md).",
        "",
    ]
    lines += [*about(report), "", "| figure | value |", "|---|---|"]
    lines += [f"| {path} | {shown(value)} |" for path, value in flat(report[name])] + [""]
    for drawn, file in plots.items():
        lines += [f"![{drawn}]({file})", ""]
    return "\n".join(lines)
