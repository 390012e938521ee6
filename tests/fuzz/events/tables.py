"""The report as a page and as data, under docs/reports."""

import json
from pathlib import Path
from typing import Any, Final

from tests.provenance import REPORTS

DOORS: Final = {
    "HTTP": "POST /v1/events (structured, binary, batch)",
    "RECORD": "a record of `rahnama.inbound` (structured, binary, batch)",
    "FETCH": "a fetched record batch (none, gzip, snappy, lz4, zstd)",
}


def write_report(report: dict[str, Any], folder: Path = REPORTS) -> list[Path]:
    """Writes `fuzz-events.json` and `fuzz-events.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "fuzz-events.json", folder / "fuzz-events.md"
    data.write_text(json.dumps(report, indent=1) + "\n")
    page.write_text(fuzz_page(report))
    return [data, page]


def fuzz_page(report: dict[str, Any]) -> str:
    """The inputs, how they ended, and what was not handled."""
    machine = report["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    failures = [
        f"- {failure['kind']} ({failure['door'] or 'process'}, {failure['times']} times)"
        for failure in report["failures"]
    ]
    return "\n".join(
        [
            "# Fuzzed events",
            "",
            f"`make fuzz-events INPUTS={report['inputs']} SEED={report['seed']}`: {report['inputs']} inputs in"
            f" {report['seconds'] / 60:.0f} minutes by {report['engine']}, made from the golden events by mutations of JSON,"
            f" headers, record batches and bytes; {len(report['failures'])} kinds of unhandled exception. The slowest input took"
            f" {report.get('slowest_milliseconds', 0):.1f} ms.",
            "",
            "Each input passes intake's own code, from the bytes to the answer, with an empty state in the place of the database. It must"
            " end in a declared outcome (accepted, unchanged, duplicate, rejected with the codes of docs/events.md) or in a declared refusal"
            " (a problem with a status of 400 to 499). A fetch that cannot be taken apart holds its partition, with an alarm, until a"
            " person acts; the exceptions that may do so are named in tests/fuzz/events/held.py, and any other is unhandled.",
            "",
            "| where it comes in | inputs | events accepted, unchanged or duplicate | rejected | requests refused | partitions held |",
            "|---|---:|---:|---:|---:|---:|",
            *(_row(door, found) for door, found in report["by_door"].items()),
            "",
            "| outcome | events, requests and fetches |",
            "|---|---:|",
            *(f"| {name} | {count} |" for name, count in _outcomes(report)),
            "",
            *(["Unhandled exceptions:", "", *failures, ""] if failures else []),
            f"Machine: {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}. Versions: {versions}."
            f" Commit: {report.get('commit') or 'unknown'}.",
            "",
        ]
    )


def _row(door: str, found: dict[str, Any]) -> str:
    groups = dict.fromkeys(("taken", "rejected", "refused", "held"), 0)
    for name, count in found["outcomes"].items():
        first = name.split()[0]
        groups[first if first in groups else "taken"] += count
    counts = " | ".join(str(count) for count in groups.values())
    return f"| {DOORS[door]} | {found['inputs']} | {counts} |"


def _outcomes(report: dict[str, Any]) -> list[tuple[str, int]]:
    total: dict[str, int] = {}
    for found in report["by_door"].values():
        for name, count in found["outcomes"].items():
            total[name] = total.get(name, 0) + count
    return sorted(total.items())
