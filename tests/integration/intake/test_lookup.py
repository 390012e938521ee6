"""The look-up of a student does the same for absent, foreign and present ones: one statement, one search of each table."""

import json
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from services.intake.query.students import QUERIES, students_router
from shared.http import ExpensiveReads, Health, create_app, verifier_of
from shared.postgres import Pool, open_pool
from tests.integration.intake.harness import Intake, student

ABSENT, FOREIGN, PRESENT = 700, 701, 702
STATUS = {ABSENT: 404, FOREIGN: 404, PRESENT: 200}


class Recording:
    """A real pool that records what is asked of it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._pool, name)

        async def recorded(query: str, *arguments: object) -> object:
            self.statements.append(query)
            return await method(query, *arguments)

        return recorded


class NoPositions:
    """Nobody asks for them here."""

    async def log(self) -> list[Any]:
        return []

    async def inbox(self) -> list[Any]:
        return []

    async def applied(self, source: str, partition: int) -> int | None:
        return None


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def people(intake: Intake) -> None:
    await intake.send_batch([student(FOREIGN, reg_center=1), student(PRESENT, reg_center=0)])


def wanted(number: int) -> dict[str, Any]:
    return {"national_id": student(number)["data"]["national_id"], "year": 1404}


def observed(intake: Intake, pool: Any) -> FastAPI:
    """The look-up on intake's database, and nothing else of intake."""
    app = create_app(
        title="Look-up",
        version="1",
        lifespan=None,
        verifier=verifier_of(intake.settings),
        health=Health(dict),
        positions=NoPositions(),
    )
    app.include_router(students_router(pool, intake.keyring, ExpensiveReads(1)))
    return app


async def test_each_look_up_is_the_same_one_statement(intake: Intake) -> None:
    headers = intake.issuer.headers("operator", centers=[0])
    pool = await open_pool(intake.database.dsn, application="test", size=1)
    try:
        for number, status in STATUS.items():
            recording = Recording(pool)
            transport = httpx.ASGITransport(observed(intake, recording))
            async with httpx.AsyncClient(transport=transport, base_url="http://lookup") as client:
                answer = await client.post("/v1/students/lookup", json=wanted(number), headers=headers)
            assert answer.status_code == status, answer.text
            assert recording.statements == [QUERIES["student_of_lookup"]]
    finally:
        await pool.close()


async def test_the_answers_to_absent_and_foreign_differ_in_nothing_but_the_trace_and_the_count_of_requests(
    intake: Intake,
) -> None:
    headers = intake.issuer.headers("operator", centers=[0])
    answers = [
        await intake.client.post("/v1/students/lookup", json=wanted(number), headers=headers)
        for number in (ABSENT, FOREIGN)
    ]
    shown = [{**answer.json(), "trace_id": None} for answer in answers]
    assert shown[0] == shown[1]
    assert shown[0]["code"] == "NOT_FOUND"
    assert [len(answer.content) for answer in answers] == [len(answers[0].content)] * 2
    counts = [answer.headers.pop("ratelimit") for answer in answers]
    assert all(count.startswith('"subject-reads";r=') for count in counts)
    assert answers[0].headers == answers[1].headers


@pytest.mark.parametrize("number", STATUS)
async def test_both_tables_are_searched_once_whoever_is_wanted(intake: Intake, number: int) -> None:
    lookup = intake.keyring.tenant("default").lookup(wanted(number)["national_id"])
    connection = await asyncpg.connect(intake.database.owner_dsn)
    try:
        plan = await connection.fetchval(
            f"explain (analyze, format json) {QUERIES['student_of_lookup']}", lookup, "default", 1404, [0]
        )
    finally:
        await connection.close()
    searched = {node["Relation Name"]: node["Actual Loops"] for node in nodes(json.loads(plan)[0]["Plan"])}
    assert searched == {"students": 1, "student_years": 1}


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The plan's nodes that read a table."""
    inner = [node for child in plan.get("Plans", []) for node in nodes(child)]
    return [plan, *inner] if "Relation Name" in plan else inner
