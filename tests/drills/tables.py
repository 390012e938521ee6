"""The report of the drills as a page."""

from typing import Any


def drills_page(report: dict[str, Any]) -> str:
    """Each drill, whether it passed, and how long it took."""
    lines = [
        "# Drills",
        "",
        "Made by `make drills TABLE=1`. What each one is about: [runbooks](../runbooks/README.md).",
        "",
        f"- commit: {report['commit']}",
        *(f"- {name}: {value}" for name, value in report["machine"].items()),
        "",
        "| drill | passed | seconds |",
        "|---|---|---|",
    ]
    for name, drill in report["drills"].items():
        lines.append(f"| {name} | {'yes' if drill['passed'] else 'no'} | {drill['seconds']} |")
    return "\n".join(lines) + "\n"
