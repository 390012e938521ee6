"""Only the failed assertion of a test catches a mutant: an accident shows nothing about the promise."""

from pathlib import Path

import pytest

from tests.mutants.mutant import Mutant, Trial
from tests.mutants.runner import confirmed, run_catchers
from tests.mutants.verdict import is_assertion

ASSERTS = "def test_it():\n    assert 1 == 2\n"
DOES_NOT_RAISE = "import pytest\ndef test_it():\n    with pytest.raises(ValueError):\n        pass\n"
FALSIFIED = (
    "from hypothesis import given, strategies as st\n"
    "@given(st.integers())\ndef test_it(number):\n    assert number < 10\n"
)
IN_A_GROUP = "def test_it():\n    raise ExceptionGroup('', [AssertionError()])\n"
RAISES_A_TYPE_ERROR = "def test_it():\n    len(5)\n"
CANNOT_BE_IMPORTED = "import no_such_module\ndef test_it():\n    assert 1 == 2\n"
ASSERTS_IN_A_FIXTURE = (
    "import pytest\n@pytest.fixture\ndef given_it():\n    assert 1 == 2\ndef test_it(given_it):\n    pass\n"
)
ASSERTS_IN_THE_PRODUCT = "from services.some import fail\n\ndef test_it():\n    fail()\n"
FAILS = "import pytest\ndef test_it():\n    pytest.fail('Timeout (>10.0s)')\n"
MIXED = "def test_it():\n    raise ExceptionGroup('', [AssertionError(), TypeError()])\n"
PASSES = "def test_it():\n    assert 1 == 1\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the plugin, and no settings of its own."""
    made = tmp_path / "tree"
    made.mkdir()
    package = made / "tests" / "mutants"
    package.mkdir(parents=True)
    (made / "tests" / "__init__.py").touch()
    (package / "__init__.py").touch()
    verdict = Path(__file__).parents[2] / "mutants" / "verdict.py"
    (package / "verdict.py").write_bytes(verdict.read_bytes())
    (made / "services").mkdir()
    (made / "services" / "some.py").write_text("def fail():\n    assert 1 == 2\n")
    return made


@pytest.mark.parametrize("test", [ASSERTS, DOES_NOT_RAISE, FALSIFIED, IN_A_GROUP])
def test_a_failed_assertion_catches(tree: Path, test: str) -> None:
    (tree / "test_one.py").write_text(test)
    assert run_catchers(tree, ["test_one.py"]).asserted == ["test_one.py::test_it"]


def test_another_failure_is_an_error(tree: Path) -> None:
    failures = (
        RAISES_A_TYPE_ERROR, CANNOT_BE_IMPORTED, ASSERTS_IN_A_FIXTURE, ASSERTS_IN_THE_PRODUCT, FAILS, MIXED,
    )  # fmt: skip
    files = [f"test_{number}.py" for number in range(len(failures))]
    for file, test in zip(files, failures, strict=True):
        (tree / file).write_text(test)
    found = run_catchers(tree, ["--continue-on-collection-errors", *files])
    assert found.asserted == []
    assert sorted(other.partition(".py")[0] for other in found.others) == [file[:-3] for file in files]
    assert found.code != 0


def test_an_assertion_behind_another_failure_is_found(tree: Path) -> None:
    (tree / "test_one.py").write_text(RAISES_A_TYPE_ERROR)
    (tree / "test_two.py").write_text(ASSERTS)
    assert run_catchers(tree, ["test_one.py", "test_two.py"]).asserted == ["test_two.py::test_it"]


def test_the_test_of_the_last_report_runs_first(tree: Path) -> None:
    (tree / "test_one.py").write_text(ASSERTS)
    (tree / "test_two.py").write_text(ASSERTS)
    found = run_catchers(tree, ["test_one.py", "test_two.py"], first="test_two.py::test_it")
    assert found.asserted == ["test_two.py::test_it"]


def test_a_group_of_nothing_but_assertions_is_one() -> None:
    assert is_assertion(BaseExceptionGroup("", [AssertionError(), AssertionError()]))
    assert not is_assertion(BaseExceptionGroup("", [AssertionError(), KeyError()]))


def test_a_catcher_that_fails_without_the_mutant_shows_nothing(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(target: Path) -> None:
        tree.rename(target)

    monkeypatch.setattr("tests.mutants.runner.copy_tree", copy)
    (tree / "test_good.py").write_text(PASSES)
    (tree / "test_bad.py").write_text(ASSERTS)
    mutant = Mutant("name", "breaks", "file.py", "old", "new", ("test_bad.py",))
    trials = [Trial(mutant, "caught", f"test_{name}.py::test_it", 1.0) for name in ("bad", "good")]
    assert [trial.outcome for trial in confirmed(tmp_path, trials)] == ["error", "caught"]
