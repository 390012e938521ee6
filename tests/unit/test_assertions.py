"""Every test asserts something, and what the check finds is shown on planted files."""

from pathlib import Path

import pytest

from infra.local.home import REPOSITORY
from tests.asserting import read_program, without_assertion

HELPER = """
def holds(value):
    checked(value)

def checked(value):
    assert value

def prepares(value):
    return value

class Sender:
    def send(self):
        return 1

class Judge:
    def judge(self):
        checked(1)
"""


def test_every_test_can_fail_by_an_assertion() -> None:
    assert without_assertion(read_program(REPOSITORY)) == []


@pytest.mark.parametrize(
    ("body", "asserts"),
    [
        ("assert True", True),
        ("with pytest.raises(ValueError): pass", True),
        ("holds(1)", True),
        ("helper.holds(1)", True),
        ("Judge().judge()", True),
        ("mock.assert_called_once()", True),
        ("pytest.fail('no')", True),
        ("pass", False),
        ("prepares(1)", False),
        ("helper.prepares(1)", False),
        ("Sender().send()", False),
        ("unknown(1)", False),
    ],
)
def test_an_assertion_is_found_through_helpers(tmp_path: Path, body: str, asserts: bool) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "helper.py").write_text(HELPER)
    imports = "from tests import helper\nfrom tests.helper import Judge, Sender, holds, prepares\n"
    (folder / "test_one.py").write_text(f"{imports}async def test_it():\n    {body}\n")
    found = without_assertion(read_program(tmp_path, ["tests"]))
    assert found == ([] if asserts else ["tests.test_one::test_it"])
