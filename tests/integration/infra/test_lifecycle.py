"""`make up`, `status`, `down` and `reset` as a user types them, with the real services, in a folder of their own."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.home import REPOSITORY, Home
from infra.local.ports import SystemPorts, port_setting
from infra.local.state import State, read_state

PARTS = {"postgres", "kafka", "intake", "allocation", "audit"}


class CommandLine:
    """`make` with ports and data of its own, and nothing on standard input unless given."""

    def __init__(self, root: Path) -> None:
        ports = SystemPorts.free()
        self.up = Home(root).up
        self.environment = {**os.environ, "RAHNAMA_HOME": str(root)}
        for part in ("intake", "allocation", "audit", "kafka"):
            self.environment[port_setting(part)] = str(ports.of(part))

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Its output arrives through pipes: it ends only if nothing that stays running holds them."""
        return subprocess.run(
            ["make", "--no-print-directory", *arguments],
            input=stdin, capture_output=True, text=True, timeout=120, check=False,
            cwd=REPOSITORY, env=self.environment,
        )  # fmt: skip

    def state(self) -> State:
        state = read_state(self.up)
        assert state is not None
        return state

    def wait_for_new_process(self, part: str, old_pid: int) -> None:
        deadline = time.monotonic() + 30
        while self.state().stages[part] != "ready" or self.state().processes[part].pid == old_pid:
            assert time.monotonic() < deadline, self.state()
            time.sleep(0.05)


@pytest.fixture
def command_line() -> Iterator[CommandLine]:
    home = Home.from_environment()
    with home.scratch_folder("tests") as root:
        home.kafka_libs.parent.mkdir(parents=True, exist_ok=True)
        (root / "kafka").symlink_to(home.kafka_libs.parent)  # the jars are shared, and so are the packages
        (root / "venv").symlink_to(home.root / "venv")
        cli = CommandLine(root)
        try:
            yield cli
        finally:
            cli.run("down")


def test_the_system_comes_up_heals_and_stops_without_a_trace(command_line: CommandLine) -> None:
    first = command_line.run("up")
    assert first.returncode == 0, first.stderr
    assert "Rahnama is ready." in first.stdout
    state = command_line.state()
    assert state.processes.keys() == PARTS

    again = command_line.run("up")
    assert (again.returncode, "already running" in again.stdout) == (0, True)
    assert command_line.state().supervisor == state.supervisor

    status = command_line.run("status")
    assert status.returncode == 0, status.stdout
    assert all(part in status.stdout for part in PARTS)

    token = command_line.run("token", "ROLE=operator")
    assert token.stdout.splitlines()[-1].count(".") == 2

    os.kill(state.processes["audit"].pid, signal.SIGKILL)
    command_line.wait_for_new_process("audit", state.processes["audit"].pid)

    lines = (command_line.up / "logs" / "supervisor.log").read_text().splitlines()
    [ended] = [line for line in map(json.loads, lines) if line["event"] == "part_ended"]
    assert (ended["part"], ended["count"]) == ("audit", 1)
    assert "SIGKILL" in ended["reason"]
    assert "ended unexpectedly once" in command_line.run("status").stdout

    processes = command_line.state().processes
    refused = command_line.run("reset")
    assert refused.returncode != 0
    assert "Nothing was deleted" in refused.stderr
    assert command_line.state().running

    assert command_line.run("reset", stdin="yes\n").returncode == 0
    assert not any(mark.alive for mark in (*processes.values(), state.supervisor))
    assert not command_line.up.exists()
    assert command_line.run("down").returncode == 0


def test_a_killed_supervisor_leaves_no_process_behind(command_line: CommandLine) -> None:
    assert command_line.run("up").returncode == 0
    state = command_line.state()
    os.kill(state.supervisor.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(mark.alive for mark in state.processes.values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "not running" in command_line.run("status").stdout
    assert command_line.run("up").returncode == 0  # on the same data
