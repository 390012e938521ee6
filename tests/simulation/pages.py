"""The report of a run of seeds under docs/reports, as data and as a page."""

import json
from pathlib import Path
from typing import Any

from tests.provenance import REPORTS


def write_report(report: dict[str, Any], folder: Path = REPORTS) -> list[Path]:
    """Writes `simulation.json` and `simulation.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "simulation.json", folder / "simulation.md"
    data.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(simulation_page(report), encoding="utf-8")
    return [data, page]


def simulation_page(report: dict[str, Any]) -> str:
    """The seeds, what was broken in them, and which failed."""
    machine, versions, seeds = report["machine"], report["versions"], report["seeds"]
    failures = [
        f"- `make simulate SEEDS=1 FIRST={seed}`: {' '.join(finding.split())}"
        for seed, finding in report["first_findings"].items()
    ]
    return "\n".join(
        [
            "# Simulated seeds",
            "",
            f"`make simulate SEEDS={seeds} FIRST={report['first']} TABLE=1`: {seeds:,} seeds in"
            f" {report['seconds'] / 60:.1f} minutes ({report['cpu_seconds'] / max(1, seeds):.3f} s of CPU a seed,"
            f" {machine['processes']} processes); {len(report['failures'])} failed."
            f" {report['virtual_seconds'] / 3600:,.0f} hours of virtual time in {report['steps']:,} steps,"
            f" {sum(report['faults'].values()):,} faults made; {report['seeds_without_faults']:,} seeds had none."
            " All nine invariants (tests/invariants) are checked at the end of each seed. What is simulated, how,"
            " and what was found and mended: [simulation](../simulation.md).",
            "",
            "A fault that found nothing to break (a kill at a step that was not reached, a topic without records) did not"
            " happen, and is not counted as made.",
            "",
            "| fault | made | did not happen | seeds with it |",
            "|---|---:|---:|---:|",
            *(
                f"| {fault} | {report['faults'].get(fault, 0):,} | {report['did_not_happen'].get(fault, 0):,}"
                f" | {report['seeds_with_fault'].get(fault, 0):,} |"
                for fault in sorted({*report["faults"], *report["did_not_happen"]})
            ),
            "",
            f"Machine: {machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB,"
            f" {machine['system']}. Versions: "
            + ", ".join(f"{name} {number}" for name, number in versions.items())
            + f". Commit: {report['commit'] or 'unknown'}.",
            *(["", "Failed:", "", *failures] if failures else []),
            "",
        ]
    )
