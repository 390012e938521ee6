"""Values as spreadsheets leave them: of the tenants that ask for it, by both doors, and without effect on the past."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest_asyncio

from infra.local.databases import Databases
from tests.integration.intake.harness import SOURCE, Event, Intake, make_settings, prepare, running, student
from tests.servers import MakesTopics
from tests.tokens import TestIssuer

OTHER = "/upstream/other"
ROW: dict[str, Any] = {
    "year": 1404.0,
    "gender": "1.0",
    "edu_status": 1.0,
    "reg_center": "۲٫۰",
    "reg_status": "0.",
    "group_code": "27.00",
    "school_code": "N/A",
    "father_name": "ندارد",
    "birth_date": "-",
    "mobile": "+98 (0)912 345 6789",
}
NORMALISED = {
    "year": 1404, "gender": 1, "edu_status": 1, "reg_center": 2, "reg_status": 0, "group_code": 27, "school_code": None,
}  # fmt: skip
AS_WRITTEN = [
    "YEAR",
    "BIRTH_DATE",
    "GENDER",
    "EDU_STATUS",
    "REG_CENTER",
    "REG_STATUS",
    "GROUP_CODE",
    "MOBILE",
]


def row(number: int, event_id: str, source: str, **changes: Any) -> Event:
    """A student as a spreadsheet has it."""
    return {**student(number, event_id, **{**ROW, **changes}), "source": source}


async def logged(intake: Intake, result: dict[str, Any]) -> dict[str, Any]:
    """What the fact holds that an event led to, without what is sealed."""
    [place] = result["facts"]
    [found] = await intake.rows(
        "select value from log where partition = $1 and sequence = $2", place["partition"], place["sequence"]
    )
    data: dict[str, Any] = json.loads(found["value"])["data"]
    return {name: data[name] for name in NORMALISED}


async def replayed(intake: Intake) -> list[Any]:
    """What a replay of the log finds different from the read models."""
    headers = intake.issuer.headers("auditor", "default")
    answer = await intake.client.post("/v1/verification/read-models", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["facts"] > 0, answer.text
    found: list[Any] = answer.json()["differences"]
    return found


Starts = Callable[[str], AbstractAsyncContextManager[Intake]]


@pytest_asyncio.fixture(loop_scope="session")
async def started(databases: Databases, topics: MakesTopics, tmp_path: Path) -> Starts:
    """Starts an intake on the same database, for the tenants that are read as spreadsheets."""
    database, made, issuer = databases.intake, await topics(), TestIssuer(tmp_path)
    await prepare(database)

    def start(tenants: str) -> AbstractAsyncContextManager[Intake]:
        settings = make_settings(database, made, issuer, tmp_path, spreadsheet_tenants=tenants)
        return running(database, made, issuer, settings)

    return start


async def test_only_the_tenant_that_asks_for_it_is_read_as_a_spreadsheet(started: Starts) -> None:
    async with started("other") as intake:
        refused = (await intake.post(row(1, "row-1", SOURCE))).json()
        assert [error["code"] for error in refused["errors"]] == [f"{name}_INVALID" for name in AS_WRITTEN]

        accepted = (await intake.post(row(1, "row-1", OTHER), tenant="other")).json()
        assert accepted["status"] == "accepted", accepted
        assert await logged(intake, accepted) == NORMALISED
        plain = {"reg_center": 2, "mobile": "09123456789", "birth_date": None}
        clean = {**student(1, "row-1-clean", **plain), "source": OTHER}
        same = (await intake.post(clean, tenant="other")).json()
        assert (same["status"], same["subject"]) == ("unchanged", accepted["subject"]), same

        half = (await intake.post(row(3, "row-3", OTHER, group_code="27.5"), tenant="other")).json()
        assert [error["code"] for error in half["errors"]] == ["GROUP_CODE_INVALID"]
        nameless = (await intake.post(row(3, "row-4", OTHER, last_name="ندارد"), tenant="other")).json()
        assert [error["code"] for error in nameless["errors"]] == ["LAST_NAME_INVALID"]

        over_kafka = [row(2, "row-2", source) for source in (SOURCE, OTHER)]
        await intake.write_inbound(*(json.dumps(event).encode() for event in over_kafka))
        assert (await intake.answered("row-2", OTHER, "other"))["status"] == "accepted"
        assert (await intake.answered("row-2"))["status"] == "rejected"


async def test_what_was_answered_stays_when_another_tenant_is_read_as_a_spreadsheet(started: Starts) -> None:
    async with started("other") as intake:
        refused = (await intake.post(row(1, "row-1", SOURCE))).json()
        accepted = (await intake.post(row(1, "row-1", OTHER), tenant="other")).json()
        assert (refused["status"], accepted["status"]) == ("rejected", "accepted")

    async with started("default") as intake:
        again = (await intake.post(row(1, "row-1", OTHER), tenant="other")).json()
        assert again == {**accepted, "status": "duplicate"}
        assert await logged(intake, accepted) == NORMALISED
        assert await replayed(intake) == []
        again = (await intake.post(row(1, "row-1", SOURCE))).json()
        assert (again["status"], again["errors"]) == ("duplicate", refused["errors"])

        assert (await intake.post(row(2, "row-2", OTHER), tenant="other")).json()["status"] == "rejected"
        assert (await intake.post(row(1, "row-2", SOURCE))).json()["status"] == "accepted"
