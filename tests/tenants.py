"""The sweep of tenants: every route that shows a tenant's data, asked by its owner and by another tenant.

    await sweep_tenants(app, issuer, "intake", {"GET /v1/students": TenantProbe("/v1/students", "01890a5d…")})

The rows must be there: on an empty database no query can show another tenant's.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from fastapi import FastAPI

from tests.centers import LIMITS
from tests.tokens import TestIssuer

OTHER: Final = "elsewhere"


@dataclass(frozen=True)
class TenantProbe:
    """A request whose answer to the tenant `default` has `marker`; another tenant's has neither it nor any item or number.

    `role` asks; of a single item (`is_item`) the other tenant's answer is 404.
    """

    address: str
    marker: str
    is_item: bool = False
    role: str = "admin"
    body: Mapping[str, Any] | None = None


async def sweep_tenants(
    app: FastAPI,
    issuer: TestIssuer,
    service: str,
    probes: Mapping[str, Collection[TenantProbe]],
    *,
    elsewhere: Collection[str],
) -> None:
    """`elsewhere` are the routes that show no tenant's data, or are tested by themselves."""
    assert set(probes) | set(elsewhere) == set(LIMITS[service]), "each route has its probes"
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=30) as client:
        for route, several in probes.items():
            for probe in several:
                await _sweep_route(client, issuer, route.split(" ", 1)[0], probe)


async def _sweep_route(
    client: httpx.AsyncClient, issuer: TestIssuer, method: str, probe: TenantProbe
) -> None:
    async def ask(tenant: str) -> httpx.Response:
        headers = issuer.headers(probe.role, tenant)
        return await client.request(method, probe.address, json=probe.body, headers=headers)

    own, other = await ask("default"), await ask(OTHER)
    where = f"{method} {probe.address} of {OTHER}: {other.status_code} {other.text[:300]}"
    assert own.status_code == 200, own.text[:300]
    assert probe.marker in own.text, f"{probe.address}: {own.text[:300]}"
    assert other.status_code == (404 if probe.is_item else 200), where
    path = probe.address.partition("?")[0]  # a problem repeats it
    assert probe.marker not in other.text.replace(path, ""), where
    if not probe.is_item:
        found = other.json()
        assert not found.get("items"), where
        assert not any(_numbers({**found, "year": 0, "position": 0})), where


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, int | float):
        yield value
