"""Personal data goes in by the doors and comes out nowhere: not on topics, in tables, logs, spans or answers."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import httpx
import pytest

from infra.demo.cohort import YEAR, Event, national_id
from infra.otel.collector import CollectedSpan, Collector
from tests.e2e.people import event, mentor, student
from tests.e2e.upstream import BATCH, SINGLE, STRUCTURED_HEADERS, Upstream
from tests.invariants.personal import require_absent, spellings
from tests.invariants.reading import INBOUND, read_records

NUMBER: Final = 733_194_682
GROUP: Final = 33
MENTOR_ID: Final = 3300
MANAGER_ID: Final = 3301
PERSON: Final[dict[str, Any]] = {
    "first_name": "سیمرغفر",
    "last_name": "کوهستانزاد",
    "father_name": "تهمورثیار",
    "birth_date": "2007-11-23",
    "mobile": "0098 938 726 1945",
    "group_code": GROUP,
}
CANARY: Final = (
    str(NUMBER),
    str(NUMBER).translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")),
    *(PERSON[name] for name in ("first_name", "last_name", "father_name", "birth_date", "mobile")),
    "9387261945",
    *("گردآفرید چکاوک", "9387261946"),
    *("اسفندیار درنا", "esfandiar.dorna", "9387261947"),
)
TRACE_ID: Final = secrets.token_hex(16)
TRACED: Final = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
SAYS: Final = f"ID {national_id(NUMBER)}"
"""Upstream's ids may hold personal data, too."""
EXPORT_SECONDS: Final = 15.0
SPANS: Final = {
    *(("intake", operation) for operation in ("POST", "process", "append")),
    *(("allocation", operation) for operation in ("process", "decide", "append")),
    *(("audit", operation) for operation in ("process", "ledger")),
}
PAGES: Final = {
    "intake": ("students", "mentors", "managers", "rejections"),
    "allocation": (f"allocations?year={YEAR}", f"mentors?year={YEAR}", "waitlist", f"summary?year={YEAR}"),
    "audit": ("records",),
}


def person(
    event_id: str, *, source: str | None = None, kind: str = "student.registered", **changes: Any
) -> Event:
    """The canary's registration; what is changed makes it a wrong one."""
    made = event(kind, event_id, student(NUMBER, **{**PERSON, **changes}), traceparent=TRACED)
    return {**made, "source": source} if source else made


async def send_everything(upstream: Upstream) -> list[httpx.Response]:
    """The canary by both doors, accepted, unchanged, again, and refused for every kind of reason; the refusals.

    All of it is sampled, so that there are spans of it.
    """
    upstream.client.headers["traceparent"] = TRACED
    try:
        return await send_traced(upstream)
    finally:
        del upstream.client.headers["traceparent"]


async def send_traced(upstream: Upstream) -> list[httpx.Response]:
    """The same, in the context that the client was given."""
    manager = {"manager_id": MANAGER_ID, "full_name": "اسفندیار درنا", "email": "esfandiar.dorna@example.org",
               "phone": "09387261947", "is_active": True, "centers": [0]}  # fmt: skip
    mentors = mentor(
        MENTOR_ID, name="گردآفرید چکاوک", mobile="09387261946", groups=[GROUP], manager_id=MANAGER_ID
    )
    results = await upstream.post(
        [
            event("manager.registered", "canary's manager", manager),
            event("mentor.registered", "canary's mentor", mentors),
            person(f"{SAYS} 1"),
            person(f"{SAYS} 2"),
        ]
    )
    assert [result["status"] for result in results] == ["accepted", "accepted", "accepted", "unchanged"]
    await upstream.produce_events(
        [
            person(f"{SAYS} 3", father_name="تهمورثیار کوهستانزاد"),
            person(f"{SAYS} 4", reg_center=9),
            person(f"{SAYS} 5", source=f"/upstream/{SAYS}"),
            person(f"{SAYS} 6", kind=f"student.{NUMBER}"),
        ]
    )
    await upstream.produce([f'{{"data": {{"national_id": "{national_id(NUMBER)}"'.encode(), SAYS.encode()])
    broken = [("content-type", b"application/json"), ("ce_id", SAYS.encode()), ("ce_source", SAYS.encode())]
    await upstream.produce([f"[{SAYS}".encode()], broken)
    await upstream.produce([json.dumps(SAYS).encode()], [*STRUCTURED_HEADERS, ("traceparent", SAYS.encode())])
    return [await upstream.post_one(wrong) for wrong in wrong_registrations()] + await ask_wrongly(upstream)


def wrong_registrations() -> list[Event]:
    """Wrong in a field each, the personal ones too; their ids say nothing, for the answer repeats an event's id."""
    wrong: dict[str, Any] = {"national_id": f"{NUMBER}0", "mobile": "0938726194", "birth_date": "2007-11-23x",
             "first_name": None, "last_name": ["کوهستانزاد"], "edu_status": "سیمرغفر", "year": SAYS,
             "gender": SAYS, "group_code": NUMBER, "school_code": SAYS}  # fmt: skip
    return [person(f"wrong {name}", **{name: value}) for name, value in wrong.items()]


async def ask_wrongly(upstream: Upstream) -> list[httpx.Response]:
    """Requests that hold the canary where nothing can be made of it."""
    client, urls = upstream.client, upstream.urls
    body = json.dumps(person("x"), ensure_ascii=False).encode()
    answers = [
        await upstream.post_body(body[:-9], SINGLE),
        await upstream.post_body(body, BATCH),
        await upstream.post_body(body, f"application/{NUMBER}"),
        await client.post(f"{urls['intake']}/v1/events/lookup", json={"source": SAYS, "id": SAYS}),
        await client.post(f"{urls['intake']}/v1/events/lookup", json={"id": SAYS}),
        await client.post(
            f"{urls['intake']}/v1/students/lookup", json={"national_id": f"{NUMBER}0", "year": YEAR}
        ),
        await client.post(f"{urls['intake']}/v1/students/lookup", json={"national_id": [SAYS], SAYS: SAYS}),
    ]
    others = [{"authorization": f"Bearer {token}"} for token in (upstream.system.token("metrics"), NUMBER)]
    for service, pages in PAGES.items():
        for page in pages:
            path = f"{urls[service]}/v1/{page.partition('?')[0]}"
            for query in ("limit", "cursor", "year", "min_position"):
                answers.append(await client.get(path, params={query: SAYS}))
            answers += [await client.get(f"{path}/{SAYS}"), await client.delete(f"{path}/{SAYS}")]
            answers += [await client.get(f"{path}/{SAYS}", headers=headers) for headers in others]
    return answers


def traced(spans: Sequence[CollectedSpan]) -> set[tuple[str, str]]:
    """What was done with the canary, as its spans name it: service and operation."""
    return {(span.service, span.name.split()[0]) for span in spans if span.trace_id == TRACE_ID}


async def answers_and_spans(upstream: Upstream, collector: Collector) -> AsyncIterator[tuple[str, bytes]]:
    """What the services show of what they keep, and what they told the collector."""
    for service, pages in PAGES.items():
        for page in (*(f"/v1/{name}" for name in pages), "/metrics", "/v1/positions"):
            answer = await upstream.client.get(f"{upstream.urls[service]}{page}")
            assert answer.status_code == 200, f"{service} {page}: {answer.text}"
            yield f"{service} {page}", answer.content
    await asyncio.to_thread(collector.wait_for, lambda spans: traced(spans) >= SPANS, EXPORT_SECONDS)
    assert traced(collector.spans()) >= SPANS
    for span in collector.spans():
        yield f"a span of {span.service}", repr(span).encode()


async def test_personal_data_is_found_on_the_inbound_topic_and_nowhere_else(
    upstream: Upstream, collector: Collector
) -> None:
    refusals = await send_everything(upstream)
    await upstream.settle()
    result = await upstream.look_up(person(f"{SAYS} 3"))
    assert result["status"] == "accepted"
    shown = await upstream.get("audit", f"/v1/records?subject={result['subject']}")
    assert [item["event"]["data"]["version"] for item in shown["items"] if item["source"] == "intake"] == [
        1,
        2,
    ]

    written = (await upstream.evidence()).personal.written
    assert {
        "topic rahnama.keys",
        "intake's rejections.sealed",
        "audit's ledger.value",
        "file intake.log",
    } <= {place for place, _ in written}
    assert require_absent(CANARY, written) > 50
    told = [piece async for piece in answers_and_spans(upstream, collector)]
    assert require_absent(CANARY, told) > 10
    for refusal in refusals:
        where = f"{refusal.request.method} {refusal.request.url.path}: {refusal.status_code}"
        if refusal.status_code < 400:  # a parameter that this page does not know
            continue
        assert refusal.status_code < 500, where
        for _, spelling in spellings(CANARY):
            assert spelling not in refusal.content, f"{where} repeats it: {refusal.text}"

    inbound = [
        (INBOUND, record.value) async for record in read_records(upstream.system.kafka_bootstrap, INBOUND)
    ]
    with pytest.raises(AssertionError, match=INBOUND):  # what is looked for can be found
        require_absent(CANARY, inbound)
