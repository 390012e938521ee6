"""The report as a page and as data, under docs/reports."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.provenance import REPORTS

FOUND: Final = "## Faults found by these trials, and their fixes"


def write_report(report: dict[str, Any], folder: Path = REPORTS) -> list[Path]:
    """Writes `faults.json` and `faults.md`; what stands there below the heading of the found faults is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "faults.json", folder / "faults.md"
    data.write_text(json.dumps(report, indent=1) + "\n")
    page.write_text(faults_page(report, page.read_text() if page.exists() else f"{FOUND}\n\nNone yet.\n"))
    return [data, page]


def faults_page(report: dict[str, Any], before: str) -> str:
    """The page; what the previous page has below the heading of the found faults is kept."""
    return f"{_table(report)}\n{FOUND}{before.partition(FOUND)[2]}"


def _table(report: dict[str, Any]) -> str:
    machine, versions = report["machine"], report["versions"]
    failures = [
        f"- `make faults TRIALS=1 FIRST={failure['trial']} SEED={failure['seed']}` ({'; '.join(failure['did'])}): "
        + "; ".join(f"{found['invariant']}: {found['finding'][:200]}" for found in failure["violations"])
        for failure in report["failures"]
    ]
    return "\n".join(
        [
            "# Fault trials",
            "",
            f"`make faults TRIALS={report['trials']} SEED={report['seed']}`: {report['trials']} trials with"
            f" {report['events']} events in {report['seconds'] / 60:.0f} minutes"
            f" ({report['seconds'] / report['trials']:.1f} s a trial, starting fresh servers included);"
            f" {len(report['failures'])} with a violation. All nine invariants (tests/invariants) are checked after"
            " every trial, over everything that was ever done on its servers. What a trial breaks, and what is sent"
            " meanwhile, follows from seed and number; when exactly it happens does not.",
            "",
            "A trial counts only if its fault happened, with a request of upstream in flight at the strike (or on a system that"
            " is idle on purpose); it is attempted up to three times, and then counted as one that did not happen.",
            "",
            "| fault | trials | did not happen | with a violation |",
            "|---|---:|---:|---:|",
            *(
                f"| {fault} | {counts['trials']} | {counts['did_not_happen']} | {counts['failed']} |"
                for fault, counts in report["by_fault"].items()
            ),
            "",
            f"Machine: {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}. Versions: "
            + ", ".join(f"{name} {number}" for name, number in versions.items())
            + f". Commit: {report.get('commit') or 'unknown'}.",
            *_memory(report["memory"]),
            *_section("Violations", failures),
            *_section(
                "Did not happen", [_reasons(line, "not_happened") for line in report["did_not_happen"]]
            ),
            *_section(
                "Notes of trials without a violation", [_reasons(line, "notes") for line in report["noted"]]
            ),
            "",
        ]
    )


def _memory(uses: list[dict[str, Any]]) -> list[str]:
    """Of each kind of attack and process the trial with the largest growth."""
    if not uses:
        return []
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    trials: Counter[tuple[str, str]] = Counter()
    for use in uses:
        key = use["fault"], use["process"]
        trials[key] += 1
        if key not in worst or _growth(use) > _growth(worst[key]):
            worst[key] = use
    rows = [
        f"| {fault} | {process} | {trials[fault, process]} | {use['before']:.1f} | {use['peak']:.1f} |"
        f" {use['after']:.1f} | {_growth(use):.1f} | {use['bound']} |"
        for (fault, process), use in sorted(worst.items())
    ]
    return [
        "",
        "Memory of the attacked processes (resident, MiB), of each the trial in which it grew most. A trial in which a"
        " process grows beyond its bound is a violation.",
        "",
        "| fault | process | trials | before | at the peak | after | growth | bound |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        *rows,
    ]


def _growth(use: dict[str, Any]) -> float:
    return float(use["peak"] - use["before"])


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"{title}:", "", *lines] if lines else []


def _reasons(line: dict[str, Any], name: str) -> str:
    return f"- trial {line['trial']} ({line['fault']}, attempt {line['attempt']}): {'; '.join(line[name])}"
