"""A report names the commit that it is of; one of another history, or of changed files, is found."""

import json
import subprocess
from pathlib import Path

import pytest

from tests import provenance
from tests.provenance import DirtyTree, commit, faults_of, require_clean
from tests.report_pages import PAGES


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits."""
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "--quiet")
    for number in range(2):
        (made / "code.py").write_text(str(number))
        git(made, "add", ".")
        git(made, "commit", "--quiet", "--message", str(number))
    return made


ONE = frozenset({"one.json"})


def save(repository: Path, of: str) -> Path:
    reports = repository / "docs" / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "one.json").write_text(json.dumps({"commit": of}))
    return reports


def test_a_report_of_an_earlier_commit_is_accepted(repository: Path) -> None:
    earlier = git(repository, "rev-parse", "--short=12", "HEAD~1")
    assert faults_of({"commit": earlier}, repository) == []
    assert provenance.main(save(repository, earlier), repository, ONE) == 0


@pytest.mark.parametrize("of", ["", "0123456789ab", None])
def test_a_report_of_no_commit_or_of_an_unknown_one_is_refused(repository: Path, of: str | None) -> None:
    assert faults_of({"commit": of}, repository)


def test_a_report_of_another_branch_is_refused(repository: Path) -> None:
    last = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "--quiet", "-b", "other", "HEAD~1")
    assert provenance.main(save(repository, last), repository, ONE) == 1


def test_a_report_of_changed_files_is_refused(repository: Path) -> None:
    (repository / "code.py").write_text("changed")
    of = commit(repository)
    assert of.endswith("+")
    assert faults_of({"commit": of}, repository)
    with pytest.raises(DirtyTree):
        require_clean(repository)


def test_a_new_file_makes_a_tree_dirty_and_a_new_report_does_not(repository: Path) -> None:
    save(repository, "")
    assert require_clean(repository) == git(repository, "rev-parse", "--short=12", "HEAD")
    (repository / "new.py").write_text("")
    with pytest.raises(DirtyTree):
        require_clean(repository)


def test_a_shallow_clone_says_that_nothing_was_checked(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(shallow))
    reports = save(repository, git(repository, "rev-parse", "HEAD~1"))
    assert provenance.main(reports, shallow, ONE) == 0
    assert "NOT CHECKED" in capsys.readouterr().out


def test_a_folder_without_reports_is_not_a_check(repository: Path) -> None:
    assert provenance.main(repository / "docs", repository) == 1


@pytest.mark.parametrize("of", ["HEAD", "HEAD~1", "master", "release", "@", "abcdef", "ABCDEF0", "0" * 41])
def test_a_name_that_moves_or_no_hash_is_no_commit(repository: Path, of: str) -> None:
    git(repository, "checkout", "--quiet", "-B", "master")
    git(repository, "tag", "release")
    assert faults_of({"commit": of}, repository) == [f"names {of!r}, which is no hash of a commit"]


@pytest.mark.parametrize(
    ("required", "words"), [({"one.json", "two.json"}, "two.json is missing"), (set(), "one.json is not in")]
)
def test_a_report_that_was_deleted_or_is_unknown_is_found(
    repository: Path, required: set[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = save(repository, git(repository, "rev-parse", "HEAD"))
    assert provenance.main(reports, repository, frozenset(required)) == 1
    assert words in capsys.readouterr().err


def test_the_required_reports_are_those_that_are_there_and_have_a_page() -> None:
    there = {path.name for path in provenance.REPORTS.glob("*.json")}
    assert there == provenance.REQUIRED == {f"{name}.json" for name in PAGES}
