"""The command of the drills starts pytest in its own process: what pytest rewrites must not be imported before."""

import subprocess
import sys


def test_the_command_imports_no_plugin_of_pytest_before_pytest_does() -> None:
    program = "import sys, tests.drills.__main__; print('anyio' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
