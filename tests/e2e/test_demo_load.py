"""`make up DEMO=1` as a user types it: a part of the cohort, the same again, and more of it, into a running system."""

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from infra.demo.cohort import YEAR, Cohort, make_cohort
from infra.local.keys import ensure_keys
from infra.local.tokens import make_token
from services.intake.decide.events import InboundEvent
from services.intake.decide.messages import parse
from tests.command_line import CommandLine, new_command_line

FEW: Final = 150
MORE: Final = 400
TODAY: Final = "2026-03-21"
LOADED: Final = re.compile(r"The demo's cohort is loaded: ([0-9,]+) assigned, ([0-9,]+) waitlisted\.")


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return make_cohort()


@pytest.fixture(scope="module")
def command_line() -> Iterator[CommandLine]:
    """With the system up, and nothing in it."""
    with new_command_line() as cli:
        started = cli.run("up")
        assert started.returncode == 0, started.stderr
        yield cli


def students_in(cohort: Cohort, registrations: int) -> int:
    """Different people among the first events of the cohort's students, without those that are refused."""
    found = set()
    for event in cohort.students[:registrations]:
        opened = InboundEvent(
            id=event["id"], source=event["source"], type=event["type"], occurred_at=None, traceparent=None,
            data=event["data"],
        )  # fmt: skip
        if not isinstance(parse(opened, TODAY), tuple):
            found.add(event["data"]["national_id"])
    return len(found)


def load(cli: CommandLine, registrations: int) -> int:
    """Students that are assigned or wait afterwards, as the command prints them."""
    loaded = cli.run("up", "DEMO=1", f"REGISTRATIONS={registrations}")
    assert loaded.returncode == 0, loaded.stderr
    assert "Rahnama is already running." in loaded.stdout
    printed = LOADED.search(loaded.stdout)
    assert printed is not None, loaded.stdout
    return sum(int(number.replace(",", "")) for number in printed.groups())


def ask(cli: CommandLine, service: str, path: str) -> Any:
    """As an admin."""
    token = make_token(ensure_keys(cli.up / "keys"), "admin")
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.get(f"{cli.state().urls[service]}{path}", headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def logged(cli: CommandLine) -> dict[str, list[Any]]:
    """Where the logs of facts and of decisions end."""
    return {service: ask(cli, service, "/v1/positions")["log"] for service in ("intake", "allocation")}


def test_a_part_of_the_cohort_is_loaded_and_again_counts_nobody_twice_and_more_of_it_follows(
    command_line: CommandLine, cohort: Cohort
) -> None:
    assert load(command_line, FEW) == students_in(cohort, FEW)
    summary = ask(command_line, "allocation", f"/v1/summary?year={YEAR}")
    assert summary["assigned"] > 0, summary
    ends = logged(command_line)

    assert load(command_line, FEW) == students_in(cohort, FEW)
    assert ask(command_line, "allocation", f"/v1/summary?year={YEAR}") == summary
    assert logged(command_line) == ends

    assert students_in(cohort, MORE) > students_in(cohort, FEW)
    assert load(command_line, MORE) == students_in(cohort, MORE)


@pytest.mark.parametrize("registrations", ["0", "-1", "all"])
def test_a_number_of_registrations_that_is_none_is_refused(
    command_line: CommandLine, registrations: str
) -> None:
    refused = command_line.run("up", "DEMO=1", f"REGISTRATIONS={registrations}")
    assert refused.returncode != 0
    assert "--registrations: a whole number from 1 is needed" in refused.stderr
