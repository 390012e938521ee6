"""What docs/audit.md tells third parties to do gives what audit says."""

import re
import subprocess
import sys
from pathlib import Path

from tests.integration.audit.running import Audit, history

PAGE = Path(__file__).parents[3] / "docs" / "audit.md"


def program() -> str:
    """The program on the page."""
    [found] = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return str(found)


def run(lines: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-c", program()], input=lines, capture_output=True, check=False
    )


async def test_the_program_on_the_page_gives_the_root_that_a_verification_reports(audit: Audit) -> None:
    chain = history("intake", 2, 77, tenants=("default", "default", "other"))
    await audit.keep(chain)
    lines, path = b"", "/v1/records?source=intake&partition=2&limit=20"
    while path:
        answer = await audit.get(path, accept="application/x-ndjson")
        lines += answer.content
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    [tree] = [
        tree
        for tree in (await audit.verify())["trees"]
        if (tree["source"], tree["partition"]) == ("intake", 2)
    ]
    answered = run(lines)
    assert answered.stdout.decode().startswith("77 events"), answered.stderr.decode()
    assert answered.stdout.decode().strip().endswith(f"root {tree['root']}")


def test_the_program_on_the_page_finds_a_changed_event() -> None:
    values = history("intake", 2, 9).values
    values[3] = values[3].replace("سارا".encode(), "مینا".encode())
    answered = run(b"\n".join(values) + b"\n")
    assert answered.returncode == 1
    assert b"5 does not follow 4" in answered.stderr
