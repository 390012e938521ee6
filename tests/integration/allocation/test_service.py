"""Allocation as a whole, on real Kafka and Postgres: facts on the topic become decisions that can be queried."""

import asyncio

from aiokafka import TopicPartition

from shared.contracts.envelope import decode
from shared.http import encode_cursor
from shared.kafka.closing_clients import Consumer
from tests.chains import Chain, mentor, student
from tests.integration.allocation.running import PARTITION, Service
from tests.sweep import sweep

ROUTES = {
    "GET /v1/allocations": {"operator", "auditor"},
    "GET /v1/allocations/{student_id}": {"operator", "auditor"},
    "GET /v1/waitlist": {"operator", "auditor"},
    "GET /v1/mentors": {"operator", "auditor"},
    "GET /v1/mentors/{mentor_id}": {"operator", "auditor"},
    "GET /v1/mentors/{mentor_id}/students": {"operator", "auditor"},
    "GET /v1/summary": {"operator", "auditor"},
    "GET /v1/verification/log": {"auditor"},
    "POST /v1/verification/read-models": {"auditor"},
}
QUERIES = {
    "GET /v1/allocations": "year=1404",
    "GET /v1/mentors": "year=1404",
    "GET /v1/mentors/{mentor_id}": "year=1404",
    "GET /v1/summary": "year=1404",
    "GET /v1/verification/log": "partition=0",
}


async def test_facts_become_decisions_that_can_be_queried_and_read_on_the_topic(service: Service) -> None:
    chain = Chain("intake", PARTITION)
    chain.add_fact(mentor(7, capacity=1, centers=[0, 1]))
    chain.add_fact(student(1, reg_center=1))
    chain.add_fact(student(2))
    await service.publish(chain)
    await service.wait_for(3)

    one = (await service.get(f"/v1/allocations/{student(1).student_id}?year=1404")).json()
    assert one == {
        "student_id": student(1).student_id,
        "year": 1404,
        "status": "assigned",
        "mentor_id": 7,
        "counter": "043730001",
        "policy": "default",
        "reason": "registered",
        "version": 1,
        "cause": {"partition": PARTITION, "sequence": 2},
        "decided_at": decode(chain.values[1]).time,
    }
    waiting = (await service.get("/v1/waitlist?year=1404")).json()
    assert [item["student_id"] for item in waiting["items"]] == [student(2).student_id]
    assert waiting["items"][0]["reason"] == "CAPACITY_AVAILABLE"
    assert waiting["items"][0]["funnel"]["CENTER_ALLOWED"] == 1
    assert waiting["items"][0]["mentor_id"] is None

    mentors = (await service.get("/v1/mentors?year=1404")).json()["items"]
    assert [(row["mentor_id"], row["load"], row["capacity"], row["active"]) for row in mentors] == [
        (7, 1, 1, True)
    ]
    students = (await service.get("/v1/mentors/7/students?year=1404")).json()["items"]
    assert [row["student_id"] for row in students] == [student(1).student_id]
    summary = (await service.get("/v1/summary?year=1404")).json()
    assert (summary["students"], summary["assigned"], summary["waitlisted"]) == (2, 1, 1)
    assert summary["waitlisted_by_reason"] == {"CAPACITY_AVAILABLE": 1}

    await asyncio.wait_for(_published(service, 2), 10)
    positions = (await service.get("/v1/positions")).json()
    assert {"source": "intake", "partition": PARTITION, "applied": 3, "newest": 3} in positions["inbox"]


async def _published(service: Service, sequence: int) -> None:
    while True:
        log = (await service.get("/v1/positions")).json()["log"]
        if {"partition": PARTITION, "last": sequence, "published": sequence} in log:
            return
        await asyncio.sleep(0.05)


async def test_a_list_pages_through_everyone_once(service: Service) -> None:
    chain = Chain("intake", PARTITION)
    for number in range(1, 8):
        chain.add_fact(student(number))
    await service.publish(chain)
    await service.wait_for(7)

    for path in ("/v1/allocations?year=1404&limit=3", "/v1/waitlist?year=1404&limit=3"):
        seen: list[str] = []
        page = (await service.get(path)).json()
        while True:
            seen += [item["student_id"] for item in page["items"]]
            if page["next"] is None:
                break
            page = (await service.get(f"{path}&cursor={page['next']}")).json()
        assert seen == [student(number).student_id for number in range(1, 8)]


async def test_a_cursor_beyond_the_columns_is_refused_and_never_an_error_of_the_database(
    service: Service,
) -> None:
    chain = Chain("intake", PARTITION)
    chain.add_fact(mentor(7, capacity=1, centers=[0, 1]))
    await service.publish(chain)
    await service.wait_for(1)
    for path in ("/v1/waitlist?year=1404", "/v1/mentors/7/students?year=1404"):
        for first in (2**15, -(2**15) - 1, 2**31 - 1):
            answer = await service.get(f"{path}&cursor={encode_cursor((first, 1))}")
            assert (answer.status_code, answer.json()["code"]) == (400, "CURSOR_INVALID"), answer.text


async def test_every_route_admits_its_roles_and_nobody_else(service: Service) -> None:
    assert await sweep(service.app, service.issuer, ROUTES, queries=QUERIES) > 0


async def test_a_decision_names_the_fact_that_caused_it(service: Service) -> None:
    chain = Chain("intake", PARTITION)
    chain.add_fact(student(1))
    await service.publish(chain)
    await service.wait_for(1)
    rows = await _log_values(service)
    decision = decode(rows[0])
    assert decision.causationid == decode(chain.values[0]).id
    assert decision.time == decode(chain.values[0]).time
    assert decision.previous == "0" * 64


async def _log_values(service: Service) -> list[bytes]:
    consumer = Consumer(bootstrap_servers=service.topics.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        place = TopicPartition(service.topics.name("rahnama.allocation"), PARTITION)
        consumer.assign([place])
        record = await asyncio.wait_for(consumer.getone(place), 10)
        return [bytes(record.value or b"")]
    finally:
        await consumer.stop()
