"""Runs seeds: each in a loop of its own, with the operating system's chance replaced by the seed's."""

import contextlib
import gc
import hashlib
import os
import random
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import Final

import structlog

from tests.simulation.loop import SimulatedLoop
from tests.simulation.scenario import Outcome, Scenario

LAST_LINES: Final = 12


def run_seed(seed: int, *, faults: bool = True, digest: bool = False) -> Outcome:
    """One seed from its beginning to its checks; `digest` names the whole course."""
    outcome = Outcome(seed)
    chance = random.Random(f"loop {seed}")
    loop = SimulatedLoop(chance, shuffle=chance.choice((0.0, 0.2, 1.0)))
    with seeded(seed), _quiet(), _uncollected():
        try:
            scenario = Scenario(loop, seed, faults=faults)
            outcome.failures += loop.run_until_complete(scenario.run())
            outcome.failures += loop.errors
            for database in scenario.installation.databases.values():
                outcome.failures += [f"unknown query: {query}" for query in database.unknown[:1]]
            outcome.faults = dict(scenario.faults.counted)
            outcome.missed = dict(scenario.faults.missed)
            if digest:
                outcome.digest = _digest(scenario)
        except Exception as error:  # whatever it was: the seed has failed, and is told
            outcome.failures.append("".join(traceback.format_exception(error)[-LAST_LINES:]))
        finally:
            outcome.steps, outcome.seconds = loop.steps, loop.time()
            loop.bury()
    return outcome


def _digest(scenario: Scenario) -> str:
    digest = hashlib.sha256(
        f"{scenario.installation.loop.steps} {scenario.installation.loop.time()}".encode()
    )
    for service, database in scenario.installation.databases.items():
        for name, rows in database.tables.items():
            digest.update(f"{service} {name} {sorted(map(repr, rows.items()))}".encode())
    for name, logs in scenario.installation.broker.topics.items():
        for log in logs:
            digest.update(
                f"{name} {log.number} {log.begin} {[record.value for record in log.records]}".encode()
            )
    return digest.hexdigest()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Keys, nonces, pseudonyms and pauses come from the seed."""
    chance = random.Random(f"entropy {seed}")
    real, state = os.urandom, random.getstate()
    os.urandom = chance.randbytes
    random.seed(f"pauses {seed}")
    try:
        yield
    finally:
        os.urandom = real
        random.setstate(state)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What dead processes leave behind tells nobody anything."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.unraisablehook = hook


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """No finalizer runs in the middle of a seed: cycles are collected between seeds."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def silence() -> None:
    """No log lines: a seed has thousands."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(50),
        logger_factory=structlog.ReturnLoggerFactory(),
    )


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """No log lines inside; outside they go where they went before."""
    logs = structlog.get_config()
    silence()
    try:
        yield
    finally:
        structlog.configure(**logs)
