"""What keeps the demo's cohort from being loaded is one message, and an exit code that is not 0."""

import os
from pathlib import Path

import psutil
import pytest

from infra.demo.load import load
from infra.local.errors import LocalError
from infra.local.home import Home
from infra.local.ports import free_ports
from infra.local.state import ProcessMark, State, write_state

GONE = ProcessMark(2**22 + 1, 1.0)
"""No pid is so high."""


def state_of(supervisor: ProcessMark) -> State:
    """A ready system at ports where nobody listens."""
    ports = dict(zip(("intake", "allocation", "audit"), free_ports(3), strict=True))
    return State(
        phase="ready",
        supervisor=supervisor,
        stages={},
        processes={},
        urls={service: f"http://127.0.0.1:{port}" for service, port in ports.items()},
        kafka_bootstrap="127.0.0.1:1",
        versions={},
    )


@pytest.mark.parametrize("state", [None, state_of(GONE)], ids=["never started", "ended"])
def test_nothing_is_loaded_where_nothing_runs(state: State | None, tmp_path: Path) -> None:
    home = Home(tmp_path)
    if state is not None:
        home.up.mkdir(parents=True)
        write_state(home.up, state)
    with pytest.raises(LocalError, match=r"^Rahnama is not running\. make up starts it\.$"):
        load(home)


def test_an_intake_that_cannot_be_reached_is_a_message_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    home.up.mkdir(parents=True)
    write_state(home.up, state_of(ProcessMark(os.getpid(), psutil.Process().create_time())))
    assert load(home, 10) == 1
    printed = capsys.readouterr()
    assert "The demo's cohort was not loaded: " in printed.err
    assert "loaded:" not in printed.out
