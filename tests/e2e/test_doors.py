"""One student goes the whole way, through either door; what comes twice or wrong leaves no second trace."""

import hashlib
import json
import re
from typing import Any, Final

import pytest

from infra.demo.cohort import YEAR, Event
from tests.e2e.people import event, mentor, student
from tests.e2e.upstream import Result, Upstream
from tests.invariants.reading import INBOUND, read_records

GROUP: Final = 27
DOORS: Final = ("http", "kafka, structured", "kafka, binary")
PERSONAL: Final = {"national_id", "first_name", "last_name", "father_name", "birth_date", "mobile", "name"}


async def send(upstream: Upstream, door: str, sent: Event) -> Result:
    """Sends one event by a door and waits until everybody has it; returns its result as upstream learns it."""
    if door == "http":
        answer = await upstream.post_one(sent)
        assert answer.status_code in (202, 422), answer.text
        await upstream.settle()
        result: Result = answer.json()
        return result
    if door == "kafka, structured":
        await upstream.produce_events([sent])
    else:
        attributes = [(f"ce_{name}", str(value).encode()) for name, value in sent.items() if name != "data"]
        headers = [("content-type", b"application/json"), *attributes]
        await upstream.produce([json.dumps(sent["data"]).encode()], headers)
    await upstream.settle()
    return await upstream.look_up(sent)


async def records_of(upstream: Upstream, subject: str) -> list[dict[str, Any]]:
    """What the ledger holds on a subject, facts before decisions."""
    items: list[dict[str, Any]] = (await upstream.get("audit", f"/v1/records?subject={subject}"))["items"]
    return sorted(items, key=lambda item: ("intake", "allocation").index(item["source"]))


@pytest.mark.parametrize("door", DOORS)
async def test_a_student_who_comes_by_one_door_is_found_in_all_three_services(
    upstream: Upstream, door: str
) -> None:
    number = DOORS.index(door)
    await send(
        upstream, "http", event("mentor.registered", f"{door} mentor", mentor(270 + number, capacity=1))
    )
    data = student(270_000_100 + number, group_code=GROUP)
    result = await send(upstream, door, event("student.registered", f"{door} student", data))

    assert result["status"] == "accepted"
    [place] = result["facts"]
    known = await upstream.client.post(
        f"{upstream.urls['intake']}/v1/students/lookup",
        json={"national_id": data["national_id"], "year": YEAR},
    )
    assert result["subject"] == f"student/{known.json()['student_id']}"
    assert known.json()["position"] == place
    assert not PERSONAL & known.json().keys()

    reached = f"min_position=intake:{place['partition']}:{place['sequence']}"
    allocation = await upstream.get(
        "allocation", f"/v1/allocations/{known.json()['student_id']}?year={YEAR}&{reached}"
    )
    assert (allocation["status"], allocation["mentor_id"]) == ("assigned", 270 + number)
    assert allocation["cause"] == place
    assert re.fullmatch(r"04357\d{4}", allocation["counter"])

    fact, decision = await records_of(upstream, result["subject"])
    assert {"partition": fact["partition"], "sequence": fact["sequence"]} == place
    assert fact["event"]["causationid"] == result["causation_id"]
    assert not PERSONAL & fact["event"]["data"].keys()
    assert decision["event"]["causationid"] == fact["event"]["id"]
    assert decision["event"]["time"] == fact["event"]["time"] == allocation["decided_at"]
    assert decision["event"]["data"]["counter"] == allocation["counter"]


async def test_the_ledger_shows_the_very_bytes_that_stand_on_the_topics_each_with_the_hash_of_the_one_before(
    upstream: Upstream,
) -> None:
    await send(upstream, "http", event("student.registered", "bytes one", student(270_000_200)))
    result = await send(
        upstream, "kafka, structured", event("student.registered", "bytes two", student(270_000_201))
    )
    for record in await records_of(upstream, result["subject"]):
        values = {
            (found.partition, found.offset): found.value
            async for found in read_records(upstream.system.kafka_bootstrap, record["topic"])
        }
        path = f"/v1/records/{record['source']}/{record['partition']}/{record['sequence']}"
        answer = await upstream.client.get(
            f"{upstream.urls['audit']}{path}", headers={"accept": "application/cloudevents+json"}
        )
        assert answer.content == values[record["partition"], record["offset"]]
        assert record["hash"] == hashlib.sha256(b"\0" + answer.content).hexdigest()
        before = values[record["partition"], record["offset"] - 1]
        assert answer.json()["previous"] == hashlib.sha256(b"\0" + before).hexdigest()


@pytest.mark.parametrize(("first", "second"), [("http", "kafka, binary"), ("kafka, structured", "http")])
async def test_an_event_that_comes_again_by_the_other_door_gets_the_first_answer_and_no_fact(
    upstream: Upstream, first: str, second: str
) -> None:
    sent = event("student.registered", f"twice by {first}", student(270_000_300 + DOORS.index(first)))
    answered = await send(upstream, first, sent)
    repeated = await send(upstream, second, sent)
    assert answered["status"] == "accepted"
    assert repeated["status"] == ("duplicate" if second == "http" else "accepted")
    assert {**repeated, "status": "accepted"} == answered
    assert len(await records_of(upstream, answered["subject"])) == 2


async def test_a_student_registered_again_as_before_is_unchanged_by_either_door(upstream: Upstream) -> None:
    data = student(270_000_400)
    first = await send(upstream, "http", event("student.registered", "same 0", data))
    for number, door in enumerate(DOORS, 1):
        again = await send(upstream, door, event("student.registered", f"same {number}", data))
        assert (again["status"], again["facts"], again["subject"]) == ("unchanged", [], first["subject"])
    assert len(await records_of(upstream, first["subject"])) == 2


@pytest.mark.parametrize("door", DOORS)
async def test_a_wrong_event_is_rejected_with_a_code_and_can_be_read_among_the_rejections(
    upstream: Upstream, door: str
) -> None:
    wrong = event("student.registered", f"wrong by {door}", student(270_000_500, national_id="1332073688"))
    before = (await upstream.get("intake", "/v1/positions"))["log"]
    result = await send(upstream, door, wrong)
    assert (result["status"], result["facts"]) == ("rejected", [])
    assert [(error["pointer"], error["code"]) for error in result["errors"]] == [
        ("/data/national_id", "NATIONAL_ID_INVALID")
    ]
    rejection = await upstream.get("intake", f"/v1/rejections/{result['rejection_id']}")
    assert rejection["causation_id"] == result["causation_id"]
    assert rejection["errors"] == result["errors"]
    assert rejection["door"] == door.split(",")[0]
    assert (rejection["inbound"] is None) == (door == "http")
    assert rejection in (await upstream.get("intake", "/v1/rejections?limit=500"))["items"]
    assert (await upstream.look_up(wrong))["rejection_id"] == result["rejection_id"]
    assert (await upstream.get("intake", "/v1/positions"))["log"] == before


async def test_what_is_no_event_at_all_is_rejected_and_holds_nobody_up(upstream: Upstream) -> None:
    await upstream.produce([b"\xff\x00 no event", b"[]", b""])
    sent = event("student.registered", "after no event", student(270_000_600))
    assert (await send(upstream, "kafka, structured", sent))["status"] == "accepted"
    places = {
        (record.partition, record.offset)
        async for record in read_records(upstream.system.kafka_bootstrap, INBOUND)
        if record.value in (b"\xff\x00 no event", b"[]", b"")
    }
    rejections = (await upstream.get("intake", "/v1/rejections?limit=500"))["items"]
    found = {
        (item["inbound"]["partition"], item["inbound"]["offset"]): [error["code"] for error in item["errors"]]
        for item in rejections
        if item["inbound"] is not None
    }
    assert len(places) == 3
    assert [found[place] for place in places] == [["EVENT_INVALID"]] * 3
