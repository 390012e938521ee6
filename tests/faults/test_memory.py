"""The memory of an attacked process is measured, and a growth beyond its bound fails the trial."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults import fault_context as grounds
from tests.faults.fault_context import Expected, FaultContext
from tests.faults.memory import MemoryUse, watched
from tests.faults.run import Run, report
from tests.faults.tables import write_report
from tests.faults.trial import Outcome
from tests.faults.trial_environment import TrialEnvironment

GROWS = "import sys; sys.stdin.readline(); x = b'x' * 40_000_000; del x; print('done', flush=True); sys.stdin.readline()"
IDLES = "import sys; sys.stdin.readline(); print('done', flush=True); sys.stdin.readline()"


@asynccontextmanager
async def process(program: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child that acts at the first line, says so, and ends at the second."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def act(child: asyncio.subprocess.Process) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"\n")
    assert await asyncio.wait_for(child.stdout.readline(), 20) == b"done\n"


def ground_of(child: asyncio.subprocess.Process) -> FaultContext:
    instances = {"intake": SimpleNamespace(child=SimpleNamespace(pid=child.pid))}
    environment = SimpleNamespace(proxied=SimpleNamespace(instances=instances))
    return FaultContext(cast(TrialEnvironment, environment), Random(1), [])


async def test_a_peak_that_is_over_at_once_is_seen() -> None:
    async with process(GROWS) as child, watched("intake", child.pid, 30) as use:
        await asyncio.sleep(0.2)
        await act(child)
    assert use.growth > 35
    assert not use.is_within


@pytest.mark.parametrize(("program", "within"), [(GROWS, False), (IDLES, True)])
async def test_growth_beyond_the_bound_fails_the_trial(
    program: str, within: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grounds, "SETTLE_SECONDS", 0.0)
    async with process(program) as child:
        context = ground_of(child)
        await asyncio.sleep(0.2)
        failed = False
        try:
            async with context.attacked(["intake"], 30):
                await act(child)
        except Expected as error:
            failed = "intake" in str(error)
    assert failed is not within
    assert [(use.process, use.is_within, use.after > 1) for use in context.memory] == [
        ("intake", within, True)
    ]
    assert len(context.notes) == 1


async def test_a_process_that_dies_under_the_attack_fails_the_trial() -> None:
    async with process(IDLES) as child:

        async def attack() -> None:
            async with watched("intake", child.pid, 30):
                child.kill()
                await child.wait()

        with pytest.raises(OSError, match=r"process|No such"):
            await attack()


def test_the_report_shows_of_each_attack_the_trial_with_the_largest_growth(tmp_path: Any) -> None:
    run = Run(7, 0, 3)
    run.outcomes = [
        Outcome(7, 0, "a flood", memory=[MemoryUse("intake", 30, 100.0, 105.0, 101.0)]),
        Outcome(7, 1, "a flood", memory=[MemoryUse("intake", 30, 100.0, 128.25, 102.0)]),
        Outcome(7, 2, "a link is cut"),
    ]
    made = {**report(run), "interrupted": False}
    assert [use["trial"] for use in made["memory"]] == [0, 1]
    page = write_report(made, tmp_path)[1].read_text()
    assert "| a flood | intake | 2 | 100.0 | 128.2 | 102.0 | 28.2 | 30 |" in page
    assert "Memory of the attacked processes" in page


def test_a_report_without_an_attack_has_no_section_of_memory(tmp_path: Any) -> None:
    run = Run(7, 0, 1)
    run.outcomes = [Outcome(7, 0, "a link is cut")]
    assert "Memory" not in write_report({**report(run), "interrupted": False}, tmp_path)[1].read_text()
