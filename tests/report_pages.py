"""Whether each page of docs/reports is what its report gives: `python -m tests.report_pages` makes it again and compares.

A page that was edited by hand, or is of another run than the data beside it, is found. What a page has beyond its data is
taken from the page: the faults found by the trials, which people write, and the plots, whose samples are not kept; of these
the files must be there.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.drills.tables import drills_page
from tests.faults.tables import faults_page
from tests.fuzz.events.tables import fuzz_page
from tests.mutants.report import mutants_page
from tests.provenance import OLDER, REPORTS
from tests.simulation.pages import simulation_page
from tests.tools.bench.pages import bench_page
from tests.tools.bench.reports import page as course_page

Page = Callable[[dict[str, Any], str], str]
"""From a report and the page that there is to the page that there should be."""

PLOT: Final = re.compile(r"^!\[([^\]]*)\]\(([^)]*)\)$", re.MULTILINE)


def _course(name: str, title: str) -> Page:
    return lambda report, page: course_page(name, report, title, dict(PLOT.findall(page)))


PAGES: Final[Mapping[str, Page]] = {
    "bench": lambda report, _: bench_page(report),
    "bench-later": lambda report, _: bench_page(report),
    "bench-tracing": lambda report, _: bench_page(report),
    "drills": lambda report, _: drills_page(report),
    "faults": faults_page,
    "fuzz-events": lambda report, _: fuzz_page(report),
    "mutants": lambda report, _: mutants_page(report),
    "overload": _course("overload", "Overload"),
    "simulation": lambda report, _: simulation_page(report),
    "soak": _course("soak", "Soak"),
}
"""Of every report. One that is deleted is missed, and one that is new is to be added."""

OLDER_PAGES: Final[Mapping[str, str]] = {
    **{name.removesuffix(".json"): reason for name, reason in OLDER.items()},
}
"""Pages that were made by earlier code, and why they cannot be made again from their data. Each is named by every check, and
one that can be may not stay in this list, unless its origin cannot be checked either (`OLDER` of tests/provenance.py)."""


def faults_of_page(name: str, folder: Path = REPORTS, make: Page | None = None) -> str:
    """How the page of a report differs from what its data give; empty if it does not."""
    data, file = folder / f"{name}.json", folder / f"{name}.md"
    if missing := [path.name for path in (data, file) if not path.is_file()]:
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    page = file.read_text(encoding="utf-8")
    if absent := [plot for _, plot in PLOT.findall(page) if not (folder / plot).is_file()]:
        return f"the plot {absent[0]} is missing"
    try:
        made = (make or PAGES[name])(json.loads(data.read_text(encoding="utf-8")), page)
    except (KeyError, TypeError, ValueError) as error:
        return f"no page can be made of {data.name} ({type(error).__name__}: {error})"
    if made == page:
        return ""
    pairs = zip([*made.splitlines(), ""], [*page.splitlines(), ""], strict=False)
    line = next((number for number, (wanted, there) in enumerate(pairs, 1) if wanted != there), 0)
    return f"{file.name} is not the page of {data.name}, from line {line} on"


def main(
    folder: Path = REPORTS, pages: Mapping[str, Page] = PAGES, older: Mapping[str, str] = OLDER_PAGES
) -> int:
    """0 if every report is there, with the page that it gives, and no other report."""
    failed = 0
    for name in sorted({*pages, *(path.stem for path in folder.glob("*.json"))}):
        if name not in pages:
            fault = "is not in PAGES of tests/report_pages.py. Add it"
        elif found := faults_of_page(name, folder, pages[name]):
            if name in older and (folder / f"{name}.json").is_file() and (folder / f"{name}.md").is_file():
                print(f"NOT CHECKED: the page of {name}: {older[name]}; it is to be made again")
                continue
            fault = f"{found}. Make the report again"
        elif name in older and f"{name}.json" not in OLDER:
            fault = "can be checked. Remove it from OLDER_PAGES in tests/report_pages.py"
        else:
            continue
        print(f"{name}: {fault}.", file=sys.stderr)
        failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
