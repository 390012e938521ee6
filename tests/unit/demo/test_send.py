"""The demo's events are sent only if intake takes them: what it rejects must be what is wrong on purpose."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from infra.demo import load
from infra.demo.chain import Chain
from infra.demo.cohort import CohortSize, Event, make_cohort
from infra.demo.send import Upstream, encode_batches, require_rejected, send_over_http
from infra.local.home import Home
from infra.local.state import ProcessMark, State

COHORT = make_cohort(size=CohortSize(students=200, mentors=20, managers=3))
UPSTREAM = Upstream("http://intake", "token", "", "", 0)
ERRORS = [{"pointer": "/source", "code": "SOURCE_NOT_ALLOWED", "message": "no"}]

Judge = Callable[[Event], bool]
"""Whether intake rejects an event."""


def spoiled(event: Event) -> bool:
    return str(event["id"]).startswith("invalid-")


def everything(_: Event) -> bool:
    return True


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A double of intake over HTTP: answers 202 to everything, also to what it rejects."""
    client = httpx.AsyncClient

    def answering(rejects: Judge, status: str = "rejected") -> None:
        def results(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/v1/summary":
                return httpx.Response(200, json={"assigned": 0, "waitlisted": 0})
            found: list[dict[str, Any]] = [
                {"id": event["id"], "status": status, "errors": ERRORS}
                if rejects(event)
                else {"id": event["id"], "status": "accepted"}
                for event in json.loads(request.content)
            ]
            return httpx.Response(202, json={"results": found})

        def fake(**options: Any) -> httpx.AsyncClient:
            return client(transport=httpx.MockTransport(results), base_url=options.get("base_url", ""))

        monkeypatch.setattr(httpx, "AsyncClient", fake)

    return answering


async def rejected(events: Sequence[Event]) -> dict[str, str]:
    return await send_over_http(UPSTREAM, encode_batches(events), lambda _: None)


@pytest.mark.parametrize("status", ["rejected", "duplicate"])
async def test_what_was_rejected_is_known_by_its_code_also_when_it_is_sent_again(
    intake: Callable[..., None], status: str
) -> None:
    intake(spoiled, status)
    assert await rejected(COHORT.students) == dict.fromkeys(COHORT.wrong, "SOURCE_NOT_ALLOWED")
    assert await rejected(COHORT.reference) == {}


def test_only_what_is_wrong_on_purpose_may_be_rejected() -> None:
    require_rejected(dict.fromkeys(COHORT.wrong, "MOBILE_INVALID"), COHORT.students)
    require_rejected({}, COHORT.reference)
    with pytest.raises(RuntimeError, match=r"rejected 1 of 24 events, 1 of them unexpectedly, with X \(1\)"):
        require_rejected({"manager-1": "X"}, COHORT.reference)
    with pytest.raises(RuntimeError, match="accepted 1 of 2 events that are wrong on purpose"):
        require_rejected({"invalid-1": "X"}, COHORT.students)


@pytest.mark.parametrize("part", ["reference", "students"])
async def test_a_cohort_of_which_intake_rejects_everything_is_not_loaded(
    intake: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Any, part: str
) -> None:
    async def at_once(_: Chain) -> None:
        pass

    monkeypatch.setattr(load, "make_cohort", lambda: COHORT)
    monkeypatch.setattr(Chain, "wait_for_ledger", at_once)
    kinds = {"reference": everything, "students": lambda event: "student.registered" in event["type"]}
    home = Home(tmp_path)
    urls = {name: f"http://{name}" for name in ("intake", "allocation", "audit")}
    state = State("ready", ProcessMark(1, 1.0), {}, {}, urls, "", {})
    intake(kinds[part])
    with pytest.raises(RuntimeError, match=r"unexpectedly, with SOURCE_NOT_ALLOWED"):
        await load._load(home, state, None)
    intake(spoiled)
    assert (await load._load(home, state, None))["assigned"] == 0
