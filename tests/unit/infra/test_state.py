"""The state file is whole at every moment, and a pid in use again is never taken for ours."""

import os
import subprocess
import sys
from pathlib import Path

from infra.local.lifecycle import stop_leftovers
from infra.local.process import start_time
from infra.local.state import Failure, ProcessMark, State, forget_state, read_state, write_state

ME = ProcessMark(os.getpid(), start_time(os.getpid()))


def a_state(**processes: ProcessMark) -> State:
    return State(
        phase="ready",
        supervisor=ME,
        stages={"postgres": "ready"},
        processes=processes,
        urls={"intake": "http://127.0.0.1:8001"},
        kafka_bootstrap="127.0.0.1:9092",
        versions={"kafka": "4"},
        failure=Failure("why", "kafka"),
    )


def test_what_is_written_is_read_and_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    state = a_state(postgres=ProcessMark(7, 1.5))
    write_state(tmp_path / "up", state)
    assert read_state(tmp_path / "up") == state
    assert [file.name for file in (tmp_path / "up").iterdir()] == ["state.json"]
    forget_state(tmp_path / "up")
    assert read_state(tmp_path / "up") is None


def test_a_process_is_known_by_its_pid_and_start_time() -> None:
    assert ME.alive
    assert ME.started_at is not None
    assert not ProcessMark(ME.pid, ME.started_at - 60).alive
    assert not ProcessMark(ME.pid, None).alive


def test_leftovers_are_stopped_but_never_a_process_that_got_the_pid_later() -> None:
    ours, foreign = (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) for _ in range(2)
    )
    try:
        started_at = start_time(foreign.pid)
        assert started_at is not None
        stop_leftovers(
            a_state(
                intake=ProcessMark(ours.pid, start_time(ours.pid)),
                kafka=ProcessMark(foreign.pid, started_at - 3600),
            )
        )
        assert ours.wait(timeout=5) < 0
        assert foreign.poll() is None
    finally:
        for process in (ours, foreign):
            process.kill()
            process.wait()
