"""`make up`, `recover`, `rebuild` and `dsn` as an operator types them after a database was set back."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests.command_line import CommandLine, new_command_line
from tests.integration.intake.harness import student

SET_BACK = (
    "truncate log, idempotency, students, subject_keys, student_years",
    "update log_head set sequence = 0, hash = decode(repeat('00', 32), 'hex'), time = ''",
    "update log_published set sequence = 0",
)
"""Intake's database as it was before its first event."""


@pytest.fixture
def command_line() -> Iterator[CommandLine]:
    with new_command_line() as cli:
        yield cli


def test_a_database_that_was_set_back_is_told_and_mended(command_line: CommandLine) -> None:
    assert command_line.run("up").returncode == 0
    refused = command_line.run("recover")
    assert refused.returncode != 0
    assert "make down stops it" in refused.stderr
    accepted = send(command_line, student(1))
    dsn = command_line.run("-s", "dsn", "SERVICE=intake").stdout.strip()
    asyncio.run(run(dsn, SET_BACK))
    assert command_line.run("down").returncode == 0

    up = command_line.run("up")
    assert up.returncode != 0
    assert "Rahnama only reads." in up.stdout
    assert "intake accepts nothing: partition" in up.stderr
    assert "holds sequence 1, but the log ends at 0: the database was restored" in up.stderr
    assert "make down, make recover, make up" in up.stderr
    assert command_line.run("status").returncode != 0
    assert send(command_line, student(2))["code"] == "GATE_CLOSED"
    assert command_line.run("down").returncode == 0

    unattended = command_line.run("recover")
    assert unattended.returncode != 0
    assert "would bring back: 1 facts, 1 keys and 0 rejections in all" in unattended.stdout
    assert "nothing was changed: there is no terminal to ask on" in unattended.stderr
    recovered = command_line.run("recover", "YES=1")
    assert recovered.returncode == 0, recovered.stderr
    assert "1 facts are back" in recovered.stdout
    rebuilt = command_line.run("rebuild", "SERVICE=allocation")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert "enrolments: 1 rows, as before" in rebuilt.stdout
    assert command_line.run("up").returncode == 0
    again = send(command_line, student(1))
    assert (again["status"], again["subject"]) == ("duplicate", accepted["subject"])


def send(command_line: CommandLine, event: dict[str, Any]) -> dict[str, Any]:
    """What intake answers."""
    token = command_line.run("-s", "token", "ROLE=upstream").stdout.splitlines()[-1]
    answer = httpx.post(
        f"{command_line.state().urls['intake']}/v1/events",
        content=json.dumps(event),
        headers={"authorization": f"Bearer {token}", "content-type": "application/cloudevents+json"},
        timeout=30,
        trust_env=False,
    )
    found: dict[str, Any] = answer.json()
    return found


async def run(dsn: str, statements: tuple[str, ...]) -> None:
    """As the owner."""
    connection = await asyncpg.connect(dsn, timeout=30)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
