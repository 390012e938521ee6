"""`make status`: what runs, what it weighs, whether it is ready, and how far behind."""

import contextlib
from typing import Any

import httpx
import psutil

from infra.local.home import Home
from infra.local.keys import ensure_keys
from infra.local.state import ProcessMark, State, read_state
from infra.local.tokens import make_token

_SECONDS = 3.0


def status(home: Home) -> int:
    """0 if everything is ready, else 1."""
    state = read_state(home.up)
    if state is None:
        print("Rahnama is not running. make up starts it.")
        return 1
    if not state.running:
        print("Rahnama is not running" + (f"; it failed. {state.failure.message}" if state.failure else "."))
        return 1
    names = " · ".join(f"{name} {version}" for name, version in state.versions.items())
    print(f"Rahnama is {state.phase} (supervisor {state.supervisor.pid}; {names})")
    all_ready = state.phase == "ready"
    for part, stage in state.stages.items():
        mark = state.processes.get(part)
        if mark is None:
            print(f"  {part:<10} {stage}")
            continue
        ready, position = _look(home, state, part) if part in state.urls else (mark.alive, "")
        all_ready = all_ready and ready and mark.alive
        shown = stage if stage != "ready" or ready else "not ready"
        print(f"  {part:<10} {shown:<22} pid {mark.pid:<8} {_megabytes(mark):>5} MB  {position}".rstrip())
    return 0 if all_ready else 1


def _look(home: Home, state: State, service: str) -> tuple[bool, str]:
    """Ready or not, and the lag in events where the service tells it."""
    try:
        with httpx.Client(base_url=state.urls[service], timeout=_SECONDS, trust_env=False) as client:
            ready = client.get("/readyz").status_code == 200
            token = make_token(ensure_keys(home.up / "keys"), "metrics")
            answer = client.get("/v1/positions", headers={"Authorization": f"Bearer {token}"})
            return ready, describe_lag(answer.json()) if answer.status_code == 200 else ""
    except (httpx.HTTPError, ValueError) as error:
        return False, f"does not answer ({type(error).__name__})"


def describe_lag(positions: dict[str, Any]) -> str:
    """From `/v1/positions`: events of the log, of them unpublished, and of each source not yet applied."""
    words = []
    if log := positions.get("log"):
        last = sum(one["last"] for one in log)
        words.append(f"log {last}, unpublished {last - sum(one['published'] or 0 for one in log)}")
    behind: dict[str, int] = {}
    for one in positions.get("inbox", []):
        lag = max(0, (one["newest"] or 0) - (one["applied"] or 0))
        behind[one["source"]] = behind.get(one["source"], 0) + lag
    words += [f"behind {source} by {lag}" for source, lag in behind.items()]
    return ", ".join(words)


def _megabytes(mark: ProcessMark) -> int:
    """Of the process and its children, each shared page counted once (PSS) where the system tells it."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(mark.pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                try:
                    total += one.memory_full_info().pss
                except (psutil.AccessDenied, AttributeError):
                    total += one.memory_info().rss
    return total // (1024 * 1024)
