"""A plugin of pytest for the catchers of a mutant: which test's assertion failed first, and what failed otherwise.

`-p tests.mutants.verdict`. The verdict is written as JSON to the file that `RAHNAMA_MUTANT_VERDICT` names. The run
ends with the first failed assertion. `RAHNAMA_MUTANT_FIRST` names a test that runs before all others.
"""

import json
import os
import traceback
from pathlib import Path
from typing import Any, Final

import pytest

FILE: Final = "RAHNAMA_MUTANT_VERDICT"
FIRST: Final = "RAHNAMA_MUTANT_FIRST"
MOST_KEPT: Final = 20
PRODUCT: Final = ("services", "shared", "infra")

_asserted: list[str] = []
_others: list[str] = []
_passed: list[str] = []


def is_assertion(error: BaseException) -> bool:
    """Whether `error` is the answer "no" of a test, and not an accident on its way to the answer.

    `pytest.raises` that nothing was raised in counts. Groups (task groups, Hypothesis) count if all of them do. An
    `assert` of the product is an accident, too: the test did not ask for it.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_assertion(inner) for inner in error.exceptions)
    if isinstance(error, pytest.fail.Exception):
        return (error.msg or "").startswith("DID NOT RAISE")
    return isinstance(error, AssertionError) and not _is_of_the_product(error)


def _is_of_the_product(error: BaseException) -> bool:
    """Whether it was raised there, even if it was caught and raised again."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return False
    raised_in = Path(frames[-1].filename)
    return raised_in.is_relative_to(Path.cwd()) and raised_in.relative_to(Path.cwd()).parts[0] in PRODUCT


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that caught the mutant the last time comes first."""
    first = os.environ.get(FIRST)
    items.sort(key=lambda item: item.nodeid != first)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Notes what a failure is made of, while its exception is still there."""
    report: pytest.TestReport = yield
    if report.failed and call.excinfo is not None:
        if call.when == "call" and is_assertion(call.excinfo.value):
            _asserted.append(item.nodeid)
            item.session.shouldstop = "an assertion failed"
        elif len(_others) < MOST_KEPT:
            _others.append(f"{item.nodeid} ({call.when}): {call.excinfo.exconly()[:300]}")
    elif report.passed and call.when == "call":
        _passed.append(item.nodeid)
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be imported shows nothing."""
    if report.failed:
        _others.append(f"{report.nodeid} (collect): {str(report.longrepr)[-300:]}")


def pytest_sessionfinish() -> None:
    """Writes the verdict."""
    if target := os.environ.get(FILE):
        verdict = {"asserted": _asserted, "others": _others, "passed": _passed}
        Path(target).write_text(json.dumps(verdict), encoding="utf-8")
