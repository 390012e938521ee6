"""`up`, `down` and `reset`: the user's side of the supervisor."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

from infra.local.errors import LocalError
from infra.local.home import REPOSITORY, Home
from infra.local.process import tail
from infra.local.readiness import disagreements_now, is_foreign_record
from infra.local.screen import StageScreen
from infra.local.state import ProcessMark, State, forget_state, read_state
from infra.local.supervisor import ALREADY_RUNNING

_POLL_SECONDS = 0.1
_UP_SECONDS = 900  # the first one brings Kafka's jars, perhaps over a slow line
_DOWN_SECONDS = 75
_LEFTOVER_SECONDS = 20


def up(home: Home) -> int:
    """Start the system and return when it is ready; a running one is left as it is."""
    state = read_state(home.up)
    if state is not None and state.running and state.phase == "ready":
        print("Rahnama is already running.")
        return _print_summary(state)
    if state is None or not state.running:
        stop_leftovers(state)
        forget_state(home.up)
    supervisor = _launch(home)
    try:
        return _wait_until_ready(home, supervisor)
    except KeyboardInterrupt:
        if supervisor.poll() is None:
            print("\nStopping …", file=sys.stderr)
            down(home)
        return 130


def down(home: Home) -> int:
    """Stop everything, also what a dead supervisor left. Nothing to stop is no error."""
    if _stop_everything(home):
        print("Rahnama has stopped; its data is kept.", file=sys.stderr)
    else:
        print("Rahnama is not running.", file=sys.stderr)
    return 0


def _stop_everything(home: Home) -> bool:
    """Whether there was anything to stop."""
    state = read_state(home.up)
    if state is None or not (state.running or any(mark.alive for mark in state.processes.values())):
        forget_state(home.up)
        return False
    if state.running:
        _signal(state.supervisor, signal.SIGTERM)
        if not _wait_for_end([state.supervisor], _DOWN_SECONDS):
            _signal(state.supervisor, signal.SIGKILL)
            _wait_for_end([state.supervisor], _LEFTOVER_SECONDS)
        state = read_state(home.up) or state
    stop_leftovers(state)
    forget_state(home.up)
    return True


def reset(home: Home, *, confirmed: bool) -> int:
    """Stop everything and delete the data of `make up`, keys included. The packages and jars stay."""
    if not confirmed:
        print(f"This deletes every event, decision and key of the system in {home.up}.", file=sys.stderr)
        print("Type yes to go on: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != "yes":
            print("\nNothing was deleted. (In a script: make reset YES=1)", file=sys.stderr)
            return 1
    stopped = _stop_everything(home)
    existed = home.up.exists()
    if existed:
        shutil.rmtree(home.up)
    done = "The data is deleted." if existed else "There is no data."
    print(f"Rahnama has stopped. {done}" if stopped else done, file=sys.stderr)
    return 0


def stop_leftovers(state: State | None) -> None:
    """Of a supervisor that was killed: services, then Kafka, then Postgres; each by pid and start time."""
    marks = dict(state.processes) if state else {}
    servers = [("kafka", signal.SIGTERM), ("postgres", signal.SIGINT)]
    server_marks = [(marks.pop(name, None), number) for name, number in servers]
    _stop([(mark, signal.SIGTERM) for mark in marks.values()])
    for mark, number in server_marks:
        if mark is not None:
            _stop([(mark, number)])


def _stop(marks: Iterable[tuple[ProcessMark, signal.Signals]]) -> None:
    marks = list(marks)
    for mark, number in marks:
        _signal(mark, number)
    if not _wait_for_end([mark for mark, _ in marks], _LEFTOVER_SECONDS):
        for mark, _ in marks:
            _signal(mark, signal.SIGKILL)
        _wait_for_end([mark for mark, _ in marks], _LEFTOVER_SECONDS)


def _signal(mark: ProcessMark, number: signal.Signals) -> None:
    if mark.alive:
        os.kill(mark.pid, number)


def _wait_for_end(marks: list[ProcessMark], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(mark.alive for mark in marks):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _launch(home: Home) -> "subprocess.Popen[bytes]":
    """Detached: a session of its own and none of our standard streams, so that a pipe behind us can end."""
    log = home.up / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "infra.local", "supervise"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=REPOSITORY,
            env={**os.environ, "RAHNAMA_HOME": str(home.root)},
            start_new_session=True,
        )


def _wait_until_ready(home: Home, supervisor: "subprocess.Popen[bytes]") -> int:
    deadline = time.monotonic() + _UP_SECONDS
    with StageScreen() as screen:
        while time.monotonic() < deadline:
            ended = supervisor.poll()
            state = read_state(home.up)
            if state is not None:
                screen.update(state.stages)
            if state is not None and state.running and state.phase == "ready":
                break
            if ended == ALREADY_RUNNING and state is not None and state.running:
                pass  # somebody else's `make up` is on its way: wait with it
            elif ended is not None:
                return _print_failure(home, state)
            time.sleep(_POLL_SECONDS)
        else:
            down(home)
            raise LocalError(f"The system was not ready within {_UP_SECONDS} s and was stopped.")
    return _print_summary(state)


def _print_failure(home: Home, state: State | None) -> int:
    if state is not None and state.failure is not None:
        print(f"Rahnama did not start. {state.failure.message}", file=sys.stderr)
    elif state is None:
        print("Rahnama was stopped while it started.", file=sys.stderr)
    else:
        print(f"Rahnama did not start.\n{tail(home.up / 'logs' / 'supervisor.log')}", file=sys.stderr)
    print(f"Nothing is left running. Logs: {home.up}", file=sys.stderr)
    return 1


def _print_summary(state: State) -> int:
    """0, or 1 when a log and its topic disagree: then what is to be done is printed last."""
    disagreements = disagreements_now(state.urls, state.closed)
    foreign = {name: reason for name, reason in disagreements.items() if is_foreign_record(reason)}
    closed = {name: reason for name, reason in disagreements.items() if name not in foreign}
    if closed:
        print("Rahnama only reads.")
    else:
        print("Rahnama runs, but a topic holds a foreign record." if foreign else "Rahnama is ready.")
    for name, url in state.urls.items():
        print(f"  {name:<10} {url}")
    print(f"  {'kafka':<10} {state.kafka_bootstrap}")
    print("  make token ROLE=operator gives a token, make status shows how it is, make down stops it.")
    for name, reason in foreign.items():
        print(f"The topic of {name} holds a foreign record: {reason}.", file=sys.stderr)
    if foreign:
        print("See docs/runbooks/foreign-record.md.", file=sys.stderr)
    for name, reason in closed.items():
        print(f"{name} accepts nothing: {reason}.", file=sys.stderr)
    if closed:
        print(
            "If a database was restored: make down, make recover, make up."
            " Else see docs/runbooks/fork.md; do not delete the topic.",
            file=sys.stderr,
        )
    return 1 if disagreements else 0
