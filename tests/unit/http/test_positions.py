"""Positions: told as they are, and waited for no longer than allowed."""

import asyncio

import httpx
import pytest

from tests.tokens import TestIssuer
from tests.unit.http.conftest import Positions


async def test_positions_are_told_to_every_role(client: httpx.AsyncClient, operator: dict[str, str]) -> None:
    answer = await client.get("/v1/positions", headers=operator)
    assert answer.json() == {
        "log": [{"partition": 0, "last": 5, "published": 4}],
        "inbox": [{"source": "intake", "partition": 3, "applied": 17, "newest": 20}],
    }


async def test_a_position_that_was_reached_is_not_waited_for(
    client: httpx.AsyncClient, operator: dict[str, str], positions: Positions
) -> None:
    for wanted in ("intake:3:17", "intake:3:0", "intake:3:17&min_position=intake:3:1"):
        answer = await client.get(f"/v1/students?min_position={wanted}", headers=operator)
        assert answer.status_code == 200, answer.text
    assert positions.looks == 4


async def test_a_read_waits_until_every_position_is_reached(
    client: httpx.AsyncClient, operator: dict[str, str], positions: Positions
) -> None:
    positions.reached["allocation", 1] = 0
    asked = asyncio.create_task(
        client.get("/v1/students?min_position=intake:3:18&min_position=allocation:1:2", headers=operator)
    )
    await asyncio.sleep(0.03)
    positions.reached["intake", 3] = 18
    await asyncio.sleep(0.03)
    assert not asked.done()
    positions.reached["allocation", 1] = 5
    assert (await asked).status_code == 200


async def test_a_position_that_does_not_come_is_unavailable(
    client: httpx.AsyncClient, operator: dict[str, str], positions: Positions
) -> None:
    answer = await client.get("/v1/students?min_position=intake:3:18", headers=operator)
    assert positions.looks > 1
    assert answer.status_code == 503
    assert answer.json()["code"] == "POSITION_NOT_REACHED"
    assert answer.headers["retry-after"] == "1"


async def test_nobody_waits_for_what_the_token_does_not_reach(
    client: httpx.AsyncClient, issuer: TestIssuer, positions: Positions
) -> None:
    answer = await client.get("/v1/students?min_position=intake:3:18", headers=issuer.headers("metrics"))
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert positions.looks == 0


async def test_of_several_positions_the_first_that_does_not_come_ends_the_wait(
    client: httpx.AsyncClient, operator: dict[str, str], positions: Positions
) -> None:
    positions.reached["intake", 4] = 1
    query = "&".join(f"min_position=intake:{partition}:99" for partition in (3, 4, 3, 4))
    answer = await client.get(f"/v1/students?{query}", headers=operator)
    assert answer.status_code == 503
    assert "intake:3 stands at 17" in answer.json()["detail"]


@pytest.mark.parametrize(
    "wanted",
    ["", "x", "intake", "intake:3", "intake:3:", "intake:-1:1", "intake:3:1:1", "intake:3:9999999999999999999",
     "INTAKE:3:1", "intake:1000:1", "unknown:3:1", "intake:11:1", "intake:3:x", "intake:%D9%A3:1"],
)  # fmt: skip
async def test_a_position_that_is_none_is_refused_at_once(
    client: httpx.AsyncClient, operator: dict[str, str], wanted: str
) -> None:
    answer = await client.get(f"/v1/students?min_position={wanted}", headers=operator)
    assert (answer.status_code, answer.json()["code"]) == (422, "MIN_POSITION_INVALID")


async def test_too_many_positions_are_refused(client: httpx.AsyncClient, operator: dict[str, str]) -> None:
    query = "&".join(["min_position=intake:3:1"] * 65)
    answer = await client.get(f"/v1/students?{query}", headers=operator)
    assert (answer.status_code, answer.json()["code"]) == (422, "MIN_POSITION_INVALID")
