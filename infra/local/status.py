"""`make status`: what runs, what it weighs, whether it is ready, how far behind, and what stands still."""

import contextlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import psutil

from infra.local.home import Home
from infra.local.keys import ensure_keys
from infra.local.readiness import CLOSED, FOREIGN_STAGE, disagreement, stage_of
from infra.local.state import ProcessMark, State, read_state
from infra.local.tokens import make_token

_SECONDS = 3.0


class _Look(NamedTuple):
    """What a service reports; `troubles` are for a person to read, `position` instead of what `positions` show.

    `disagreement` is why its log and its topic tell different stories now.
    """

    ready: bool
    position: str = ""
    positions: Mapping[str, Any] = MappingProxyType({})
    troubles: tuple[str, ...] = ()
    disagreement: str | None = None


def status(home: Home) -> int:
    """0 if everything is ready and no partition is held, else 1."""
    state = read_state(home.up)
    if state is None:
        print("Rahnama is not running. make up starts it.")
        return 1
    if not state.running:
        print("Rahnama is not running" + (f"; it failed. {state.failure.message}" if state.failure else "."))
        return 1
    all_well = state.phase == "ready"
    lines = []
    looks = {service: _look(home, state, service) for service in state.urls}
    heads = published_heads({service: look.positions for service, look in looks.items()})
    for part, stage in state.stages.items():
        mark = state.processes.get(part)
        if mark is None:
            all_well = all_well and stage == "ready"
            lines.append(f"  {part:<10} {stage}")
            continue
        look = looks.get(part, _Look(mark.alive))
        shown = stage_now(stage, ready=look.ready, disagreement=look.disagreement)
        all_well = all_well and shown == "ready" and mark.alive and not look.troubles
        lines.append(
            f"  {part:<10} {shown:<22} pid {mark.pid:<8} {_megabytes(mark):>5} MB  {look.position or describe_lag(look.positions, heads)}".rstrip()
        )
        lines += [f"  {'':<10} {trouble}" for trouble in (*look.troubles, *describe_ends(state, part))]
    names = " · ".join(f"{name} {version}" for name, version in state.versions.items())
    phase = state.phase if all_well or state.phase != "ready" else "not well"
    print(f"Rahnama is {phase} (supervisor {state.supervisor.pid}; {names})", *lines, sep="\n")
    return 0 if all_well else 1


def _look(home: Home, state: State, service: str) -> _Look:
    """Ready or not and why, the lag in events where the service tells it, and the partitions that are held."""
    token = make_token(ensure_keys(home.up / "keys"), "metrics")
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(
            base_url=state.urls[service], headers=headers, timeout=_SECONDS, trust_env=False
        ) as client:
            readiness = client.get("/readyz")
            positions = client.get("/v1/positions")
            is_known = positions.status_code == httpx.codes.OK
            unknown = (
                () if is_known else (f"/v1/positions answers {positions.status_code}: its lag is not known",)
            )
            return _Look(
                readiness.status_code == httpx.codes.OK,
                "",
                positions.json() if is_known else {},
                (*describe_reasons(readiness.json()), *readiness.json().get("held", ()), *unknown),
                disagreement(readiness.json()),
            )
    except (httpx.HTTPError, ValueError) as error:
        return _Look(False, f"does not answer ({type(error).__name__})")


def stage_now(stage: str, *, ready: bool, disagreement: str | None) -> str:
    """A part's stage: of one that was started, what it reports now, not what it reported at its start."""
    if stage not in ("ready", CLOSED, FOREIGN_STAGE):
        return stage
    if ready:
        return "ready"
    return "not ready" if disagreement is None else stage_of(disagreement)


def describe_ends(state: State, part: str) -> list[str]:
    """How often the part ended unexpectedly, and the last time; nothing if it never did."""
    ends = state.ends.get(part)
    if ends is None:
        return []
    times = "once" if ends.count == 1 else f"{ends.count} times"
    return [f"ended unexpectedly {times}, last at {ends.last_at}: {ends.last_reason}"]


def describe_reasons(readiness: dict[str, Any]) -> list[str]:
    """From `/readyz`: each part that is not ready, with its reason."""
    return [f"{part}: {reason}" for part, reason in readiness.get("parts", {}).items() if reason is not None]


Heads = Mapping[tuple[str, int], int]


def published_heads(positions: Mapping[str, Mapping[str, Any]]) -> Heads:
    """From every service's `/v1/positions`: the last published sequence of each (source, partition)."""
    return {
        (service, one["partition"]): one["published"] or 0
        for service, answer in positions.items()
        for one in answer.get("log", [])
    }


def describe_lag(positions: Mapping[str, Any], heads: Heads = MappingProxyType({})) -> str:
    """From `/v1/positions`: events of the log, of them unpublished, and of each source not yet applied.

    A source ends where its producer has published to (`heads`), or where its topic ends if that is farther.
    """
    words = []
    if log := positions.get("log"):
        last = sum(one["last"] for one in log)
        words.append(f"log {last}, unpublished {last - sum(one['published'] or 0 for one in log)}")
    behind: dict[str, int] = {}
    for one in positions.get("inbox", []):
        newest = max(one["newest"] or 0, heads.get((one["source"], one["partition"]), 0))
        lag = max(0, newest - (one["applied"] or 0))
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
