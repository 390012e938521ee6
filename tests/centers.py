"""The sweep of centres: every route of a service, with every role, limited to these and those centres.

    await sweep_centers(app, issuer, "intake", {"GET /v1/students": {0: Probe("/v1/students", "01890a5d…"), 1: …}})

`LIMITS` names every route of the services; a route that it does not name fails the sweep.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from shared.http.auth.callers import ROLES, CenterLimit
from shared.http.auth.roles import OPEN_PATHS, access_of
from tests.tokens import TestIssuer

APPLIED, UNAFFECTED, REFUSED = CenterLimit.APPLIED, CenterLimit.UNAFFECTED, CenterLimit.REFUSED
COMMON: Final = {
    "GET /metrics": UNAFFECTED,
    "GET /openapi.json": UNAFFECTED,
    "GET /v1/positions": UNAFFECTED,
}
LIMITS: Final[Mapping[str, Mapping[str, CenterLimit]]] = {
    "intake": {
        "POST /v1/events": REFUSED,
        "POST /v1/events/lookup": REFUSED,
        "GET /v1/students": APPLIED,
        "GET /v1/students/{student_id}": APPLIED,
        "POST /v1/students/lookup": APPLIED,
        "POST /v1/students/{student_id}/erasure": REFUSED,
        "GET /v1/mentors": APPLIED,
        "GET /v1/mentors/{mentor_id}": APPLIED,
        "GET /v1/managers": APPLIED,
        "GET /v1/managers/{manager_id}": APPLIED,
        "GET /v1/school-rosters": UNAFFECTED,
        "GET /v1/school-rosters/{year}": UNAFFECTED,
        "GET /v1/rejections": APPLIED,
        "GET /v1/rejections/{rejection_id}": APPLIED,
        "GET /v1/verification/log": REFUSED,
        "POST /v1/verification/read-models": REFUSED,
    },
    "allocation": {
        "GET /v1/allocations": APPLIED,
        "GET /v1/allocations/{student_id}": APPLIED,
        "GET /v1/waitlist": APPLIED,
        "GET /v1/mentors": APPLIED,
        "GET /v1/mentors/{mentor_id}": APPLIED,
        "GET /v1/mentors/{mentor_id}/students": APPLIED,
        "GET /v1/summary": APPLIED,
        "GET /v1/verification/log": REFUSED,
        "POST /v1/verification/read-models": REFUSED,
    },
    "audit": {
        "GET /v1/records": REFUSED,
        "GET /v1/records/{source}/{partition}/{sequence}": REFUSED,
        "POST /v1/verifications": REFUSED,
    },
}
CENTERS: Final[tuple[list[int] | None, ...]] = (None, [], [0], [1], [0, 1], [7])
SAMPLES: Final = {
    "{student_id}": "01890a5d-ac96-774b-bcce-b302099a8057",
    "{source}": "intake",
    "{partition}": "0",
    "{sequence}": "1",
    "{year}": "1404",
}


@dataclass(frozen=True)
class Probe:
    """A request that shows something of one centre: `marker` is in the answer's body exactly if it does."""

    address: str
    marker: str
    body: Mapping[str, Any] | None = None


def require_every_route(app: FastAPI, service: str) -> None:
    """Each route of the app is in the table, and declares what the table has."""
    declared = {
        f"{method} {route.path_format}": access.centers
        for route in iter_route_contexts(app.routes)
        if route.path not in OPEN_PATHS and (access := access_of(route)) is not None
        for method in route.methods or ()
    }
    expected = {**COMMON, **LIMITS[service]}
    differing = sorted(
        route for route in declared | expected if declared.get(route) is not expected.get(route)
    )
    assert not differing, f"declared other than in the table, or not in both: {differing}"


async def sweep_centers(
    app: FastAPI,
    issuer: TestIssuer,
    service: str,
    probes: Mapping[str, Mapping[int, Probe]],
    *,
    elsewhere: Collection[str] = (),
) -> int:
    """Returns the number of requests. `elsewhere` are the routes that apply the limit and are tested by themselves."""
    require_every_route(app, service)
    applied = {route for route, limit in LIMITS[service].items() if limit is APPLIED}
    assert set(probes) == applied - set(elsewhere), "each route that applies the limit has its probes"
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=30) as client:
        return sum(
            [
                await _sweep_route(client, issuer, route, by_center, role, centers)
                for route, by_center in probes.items()
                for role in ROLES
                for centers in CENTERS
            ]
        )


async def _sweep_route(
    client: httpx.AsyncClient,
    issuer: TestIssuer,
    route: str,
    by_center: Mapping[int, Probe],
    role: str,
    centers: list[int] | None,
) -> int:
    method = route.split(" ", 1)[0]
    headers = issuer.headers(role, centers=centers)
    for center, probe in by_center.items():
        answer = await client.request(method, probe.address, json=probe.body, headers=headers)
        where = f"{route} as {role} of {centers} for {center}: {answer.status_code} {answer.text[:300]}"
        if role not in ("operator", "auditor", "admin"):
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN"), where
            continue
        assert answer.status_code in (200, 404), where
        seen = answer.status_code == 200 and probe.marker in answer.text
        assert seen == (centers is None or center in centers), where
    return len(by_center)


async def sweep_refusals(app: FastAPI, issuer: TestIssuer, service: str) -> int:
    """Every route that cannot apply the limit refuses a limited token of its roles, and no other for its centres."""
    require_every_route(app, service)
    asked = 0
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        for context in iter_route_contexts(app.routes):
            access = access_of(context)
            if access is None or access.centers is not REFUSED:
                continue
            address = context.path_format or ""
            for name, sample in SAMPLES.items():
                address = address.replace(name, sample)
            for role in ROLES:
                for centers in CENTERS[1:]:
                    [method] = sorted(context.methods or ())
                    headers = issuer.headers(role, centers=centers)
                    answer = await client.request(method, address, headers=headers)
                    code = "CENTERS_NOT_APPLICABLE" if role in access.roles else "FORBIDDEN"
                    where = f"{method} {address} as {role} of {centers}: {answer.text[:300]}"
                    assert (answer.status_code, answer.json()["code"]) == (403, code), where
                    asked += 1
    return asked
