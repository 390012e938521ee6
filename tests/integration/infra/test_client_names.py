"""Each service's clients of Kafka have the name that its quotas go by, every one of them."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.conn import AIOKafkaConnection
from fastapi import FastAPI

from infra.local.databases import Databases
from infra.local.quotas import SERVICES as CLIENT_IDS
from infra.services import NAMES
from services.allocation.app import build as build_allocation
from services.allocation.settings import Settings as AllocationSettings
from services.audit.app import build as build_audit
from services.audit.settings import Settings as AuditSettings
from services.intake.app import build as build_intake
from services.intake.settings import Settings as IntakeSettings
from shared.postgres import migrate
from tests.servers import MakesTopics
from tests.tokens import TestIssuer

MIGRATIONS = {
    "intake": ["shared.append", "services.intake"],
    "allocation": ["shared.append", "shared.inbox", "services.allocation"],
    "audit": ["shared.inbox", "services.audit"],
}


def app_of(service: str, **settings: Any) -> FastAPI:
    """Built, not started."""
    builders: dict[str, Callable[[], FastAPI]] = {
        "intake": lambda: build_intake(IntakeSettings(**settings)),
        "allocation": lambda: build_allocation(AllocationSettings(**settings)),
        "audit": lambda: build_audit(AuditSettings(**settings)),
    }
    return builders[service]()


async def ready(app: FastAPI) -> None:
    """Returns when the service is: by then it has opened each of its clients."""
    async with (
        asyncio.timeout(30),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("service", NAMES)
async def test_every_client_of_a_service_is_named_after_it(
    service: str, databases: Databases, topics: MakesTopics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made, issuer = databases.of(service), await topics(), TestIssuer(tmp_path)
    await migrate(
        database.owner_dsn, MIGRATIONS[service], role=f"rahnama_{service}", settings={"partitions": "12"}
    )
    master = tmp_path / "master.key"
    master.write_text(base64.b64encode(secrets.token_bytes(32)).decode(), encoding="ascii")
    names: list[str] = []
    connect = AIOKafkaConnection.connect

    async def watched(connection: AIOKafkaConnection) -> Any:
        names.append(connection._client_id)
        return await connect(connection)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(AIOKafkaConnection, "connect", watched)
    app = app_of(
        service, database_url=database.dsn, kafka_bootstrap=made.bootstrap, topic_prefix=made.prefix,
        jwks_file=issuer.jwks_file, jwt_issuer=issuer.issuer,
        **({"master_key_file": master} if service == "intake" else {}),
    )  # fmt: skip
    async with app.router.lifespan_context(app):
        await ready(app)
    assert len(names) > 1
    assert set(names) == {f"{made.prefix}rahnama.{service}"}
    assert f"rahnama.{service}" in CLIENT_IDS
