"""`make up`, `status`, `down` and `reset` as a user types them, with the real services, in a folder of their own."""

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.command_line import CommandLine, new_command_line

PARTS = {"postgres", "kafka", "intake", "allocation", "audit"}


@pytest.fixture
def command_line() -> Iterator[CommandLine]:
    with new_command_line() as cli:
        yield cli


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


@pytest.mark.long
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
