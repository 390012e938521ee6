"""Ctrl-C while the system is on its way: whichever command it was, it ends and nothing stays running."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from infra.local.home import REPOSITORY, Home
from infra.local.ports import SystemPorts, port_setting

WAIT_SECONDS = 60
SERVERS = {"java", "postgres"}


@contextmanager
def begun(command: str, root: Path) -> Iterator["subprocess.Popen[str]"]:
    """A command of the user's, with ports and data of its own."""
    ports = SystemPorts.free()
    environment = {**os.environ, "RAHNAMA_HOME": str(root)}
    for part in ports.by_part:
        environment[port_setting(part)] = str(ports.of(part))
    process = subprocess.Popen(
        ["env", "--default-signal=INT", "make", command],  # what runs the tests may ignore it
        start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPOSITORY, env=environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        subprocess.run(
            ["make", "down"],
            cwd=REPOSITORY, env=environment, capture_output=True, timeout=WAIT_SECONDS, check=False,
        )  # fmt: skip


def working_in(root: Path) -> list[psutil.Process]:
    """Every process whose command line names the folder, or that was told of it."""
    found = []
    for process in psutil.process_iter():
        try:
            told = process.environ().get("RAHNAMA_HOME") == str(root)
            if (told or any(str(root) in word for word in process.cmdline())) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("what the test waits for did not happen")
        time.sleep(0.05)


def names(processes: Sequence[psutil.Process]) -> set[str]:
    found = set()
    for process in processes:
        try:
            found.add(process.name())
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("command", ["up", "demo"])
def test_an_interrupted_command_leaves_nothing_running(command: str) -> None:
    home = Home.from_environment()
    with home.scratch_folder("tests") as root:
        home.kafka_libs.parent.mkdir(parents=True, exist_ok=True)
        (root / "kafka").symlink_to(home.kafka_libs.parent)  # the jars are shared, and so are the packages
        (root / "venv").symlink_to(home.root / "venv")
        with begun(command, root) as process:
            wait_until(lambda: names(working_in(root)) >= SERVERS)
            os.killpg(process.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches make and what it runs
            output, _ = process.communicate(timeout=WAIT_SECONDS)
            assert process.returncode != 0, output
            assert "Error 130" in output  # what infra.local ended with, as make tells it
            assert "Traceback" not in output
            assert working_in(root) == []
