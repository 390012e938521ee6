"""Reports for people, in Markdown."""

from collections.abc import Mapping
from typing import Any


def bench_page(report: Mapping[str, Any]) -> str:
    """What `make bench` has found."""
    lines = ["# Benchmarks", "", "Made by `make bench TABLE=1`. What bounds each figure: [benchmarks](../benchmarks.md).", ""]  # fmt: skip
    lines += [*about(report), ""]
    if report["failures"]:
        lines += ["**Failed, so without a figure:**", ""]
        lines += [f"- {name}: {reason}" for name, reason in report["failures"].items()] + [""]
    if report["targets"]:
        lines += [
            "| figure | wanted | measured | reached | slowdown | at full speed | reached |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_target(one) for one in report["targets"]] + [""]
    for name, figures in report["benchmarks"].items():
        lines += [f"## {name}", "", "| figure | value |", "|---|---|"]
        lines += [f"| {path} | {shown(value)} |" for path, value in flat(figures)] + [""]
    return "\n".join(lines)


def _target(one: Mapping[str, Any]) -> str:
    cells = [one["figure"], one["wanted"], shown(one["measured"]), _yes(one["reached"])]
    if "slowdown" in one:
        cells += [shown(one["slowdown"]), shown(one["at_full_speed"]), _yes(one["reached_at_full_speed"])]
    else:
        cells += ["", "", ""]
    return f"| {' | '.join(cells)} |"


def _yes(reached: bool) -> str:
    return "yes" if reached else "no"


def about(report: Mapping[str, Any]) -> list[str]:
    """When, of which commit, on what."""
    machine = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in report["machine"].items())
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return [f"- taken at {report['taken_at']}, commit {report['commit']}", f"- {machine}", f"- {versions}"]


def flat(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Every number with the path that leads to it."""
    found: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if isinstance(value, Mapping):
            found += flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found


def shown(value: Any) -> str:
    """A number for a person."""
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value)
    return f"{value:,}" if isinstance(value, int | float) else str(value)
