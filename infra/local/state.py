"""What `make up` has started, in one file that is always whole: `up/state.json`."""

import os
from pathlib import Path
from typing import Literal

import msgspec

from infra.local.process import is_same_process

Phase = Literal["starting", "ready", "stopping", "failed"]


class ProcessMark(msgspec.Struct, frozen=True):
    """A pid with its start time, so that a pid in use again is never mistaken for it."""

    pid: int
    started_at: float | None

    @property
    def alive(self) -> bool:
        """True if this very process runs."""
        return is_same_process(self.pid, self.started_at)


class Failure(msgspec.Struct, frozen=True):
    """Why the system is not up."""

    message: str
    part: str | None = None


class Ends(msgspec.Struct, frozen=True):
    """How often a part has ended unexpectedly since `make up`, and when (RFC 3339) and why it last did."""

    count: int
    last_at: str
    last_reason: str


class State(msgspec.Struct, frozen=True):
    """`stages` and `processes` are by part, in the order of starting; `closed` are the services
    whose log disagreed with its topic at their start, and why.

    `ends` has the parts that ended unexpectedly.
    """

    phase: Phase
    supervisor: ProcessMark
    stages: dict[str, str]
    processes: dict[str, ProcessMark]
    urls: dict[str, str]
    kafka_bootstrap: str
    versions: dict[str, str]
    failure: Failure | None = None
    closed: dict[str, str] = {}
    ends: dict[str, Ends] = {}

    @property
    def running(self) -> bool:
        """True while its supervisor lives, whatever the phase."""
        return self.supervisor.alive


def state_file(up: Path) -> Path:
    """Its place in the folder of `make up`."""
    return up / "state.json"


def read_state(up: Path) -> State | None:
    """None if there is none."""
    try:
        return msgspec.json.decode(state_file(up).read_bytes(), type=State)
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_state(up: Path, state: State) -> None:
    """Atomic: a reader sees the old or the new one."""
    up.mkdir(parents=True, exist_ok=True)
    fresh = state_file(up).with_suffix(f".{os.getpid()}")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
    fresh.replace(state_file(up))


def forget_state(up: Path) -> None:
    """After everything has stopped."""
    state_file(up).unlink(missing_ok=True)
