"""The victims are the services as they are: what is changed in them exists, and they die where they are told to."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.services import NAMES
from tests.faults.points import POINTS, points_of

ARM_AND_PASS = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.faults.points import Trap, install, points_of
from tests.faults.times import shorten
service, control = sys.argv[1], Path(sys.argv[2])
trap = Trap(control)
trap.listen()
shorten(service)
install(service, trap)
os.kill(os.getpid(), signal.SIGUSR1)
for passage in (1, 2):
    for point in points_of(service):
        print(passage, point.name, flush=True)
        trap.passing(point.name)
"""


def run_victim(service: str, control: Path) -> "subprocess.CompletedProcess[str]":
    """Wraps a service's points, and passes each of them twice."""
    command = [sys.executable, "-W", "error", "-c", ARM_AND_PASS, service, str(control)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("service", NAMES)
def test_every_point_of_a_service_is_wrapped_and_kills_at_the_passage_that_was_asked_for(
    service: str, tmp_path: Path
) -> None:
    control = tmp_path / "control"
    last = points_of(service)[-1].name
    control.write_text(f"2 {last}")
    ended = run_victim(service, control)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert ended.stdout.splitlines()[-1] == f"2 {last}"


def test_an_armed_victim_that_does_not_pass_the_point_often_enough_lives(tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.write_text(f"3 {points_of('audit')[0].name}")
    ended = run_victim("audit", control)
    assert ended.returncode == 0, ended.stderr


def test_every_service_has_points_before_and_after_its_commit() -> None:
    for service in NAMES:
        whens = {point.when for point in points_of(service) if "commit" in point.name}
        assert whens == {"before", "after"}
    assert len({(point.name, point.services) for point in POINTS}) == len(POINTS)
