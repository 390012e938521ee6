"""A page of docs/reports is what its report gives: made again and compared."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.faults.tables import faults_page
from tests.mutants.mutant import Mutant, Trial
from tests.mutants.report import mutants_page, summary
from tests.provenance import OLDER, REPORTS
from tests.report_pages import OLDER_PAGES, PAGES, faults_of_page, main

CHECKED = sorted(PAGES.keys() - OLDER_PAGES.keys())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of docs/reports."""
    made = tmp_path / "reports"
    shutil.copytree(REPORTS, made)
    return made


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("name", CHECKED)
def test_a_page_that_was_edited_is_found(folder: Path, name: str) -> None:
    assert faults_of_page(name, folder) == ""
    change(folder / f"{name}.md", "|---", "| more | 1 |\n|---")
    assert f"{name}.md is not the page of {name}.json, from line" in faults_of_page(name, folder)


def test_a_figure_that_was_changed_in_the_data_alone_is_found(folder: Path) -> None:
    report = json.loads((folder / "soak.json").read_text())
    report["soak"]["students"] += 1
    (folder / "soak.json").write_text(json.dumps(report))
    assert "soak.md is not the page" in faults_of_page("soak", folder)


@pytest.mark.parametrize("lost", ["bench.md", "bench.json", "faults.md", "soak-lag.svg"])
def test_what_is_deleted_is_found(folder: Path, lost: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / lost).unlink()
    assert main(folder) == 1
    assert lost in capsys.readouterr().err


def test_a_report_without_an_entry_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(folder / "bench.json", folder / "bench-new.json")
    assert main(folder) == 1
    assert "bench-new: is not in PAGES" in capsys.readouterr().err


def test_an_older_page_is_named_and_one_that_can_be_checked_may_not_stay(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert main(folder) == 0
    printed = capsys.readouterr().out
    named = [name for name in OLDER_PAGES if faults_of_page(name)]
    assert printed.count("NOT CHECKED") == len(named)
    assert all(f"NOT CHECKED: the page of {name}" in printed for name in named)
    assert main(folder, PAGES, {**OLDER_PAGES, "bench": "an example"}) == 1
    assert "bench: can be checked" in capsys.readouterr().err


def test_only_pages_of_a_known_origin_are_made_again_or_listed_with_a_reason() -> None:
    assert {name.removesuffix(".json") for name in OLDER} <= OLDER_PAGES.keys() <= PAGES.keys()
    assert all(len(reason) > 10 for reason in OLDER_PAGES.values())


def test_what_people_wrote_below_the_faults_is_kept(folder: Path) -> None:
    counts = {"trials": 1, "did_not_happen": 0, "failed": 0}
    report: dict[str, Any] = {
        "trials": 1, "seed": 1, "events": 1, "seconds": 1.0, "failures": [], "by_fault": {"a": counts},
        "machine": {"cores": 2, "memory_gib": 2, "system": "x"}, "versions": {}, "memory": [],
        "did_not_happen": [], "noted": [],
    }  # fmt: skip
    found = (folder / "faults.md").read_text().partition("## Faults found")[2]
    (folder / "faults.json").write_text(json.dumps(report))
    made = faults_page(report, (folder / "faults.md").read_text())
    assert found
    assert made.endswith(found)
    assert "not the page" in faults_of_page("faults", folder)
    (folder / "faults.md").write_text(made)
    assert faults_of_page("faults", folder) == ""


def test_the_page_of_the_mutants_is_made_of_their_report_alone() -> None:
    def trial(name: str, outcome: Any, caught_by: str = "") -> Trial:
        return Trial(Mutant(name, f"breaks {name}", "f.py", "a", "b", ()), outcome, caught_by, 1.0)

    trials = [trial("one", "caught", "tests/t.py::test"), trial("two", "survived"), trial("three", "error")]
    report = json.loads(json.dumps({"commit": "abc", **summary(trials, 3.0)}))
    page = mutants_page(report)
    assert "Commit: abc." in page
    assert page.endswith(
        "| one | breaks one | `tests/t.py::test` |\n| two | breaks two | **survived** |\n"
        "| three | breaks three | **error** |\n"
    )
