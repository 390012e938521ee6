"""Kafka's quotas of clients: what a foreign client may use of a broker, and none for the services' own.

A client is known by its client id. That is no authentication: quotas keep a client that is wrong from taking the broker
away from the services; they do not stop one that copies a service's name.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiokafka.errors import for_code
from aiokafka.protocol.admin import DescribeClientQuotasRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from infra.local.errors import LocalError
from infra.services import NAMES
from shared.kafka.closing_clients import Admin

Quotas = Mapping[str, float]
"""Kafka's `producer_byte_rate` and `consumer_byte_rate` (bytes a second of each broker), and `request_percentage`."""

FOREIGN: Final[Quotas] = {
    "producer_byte_rate": 16 * 1024.0**2,
    "consumer_byte_rate": 32 * 1024.0**2,
    "request_percentage": 200.0,
}
"""Of each foreign client id: more than twice what intake applies of a second's events, and the time of two threads."""
UNLIMITED: Final[Quotas] = {
    "producer_byte_rate": 1024.0**5,
    "consumer_byte_rate": 1024.0**5,
    "request_percentage": 1_000_000.0,
}
"""Kafka has no word for none: these are beyond what a broker can do."""
SERVICES: Final = tuple(f"rahnama.{name}" for name in NAMES)
"""The client ids of the services: the names of their consumer groups, without the prefix."""
DEFAULT: Final = None
"""The name, in Kafka's requests, of every client id that has no quotas of its own."""

_CLIENT_ID: Final = "client-id"
_ANY_NAME: Final = 2
_APPLIED_SECONDS: Final = 20


class _AlterClientQuotasResponse(Response):
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
            ),
        ),
    )


class _AlterClientQuotasStruct(RequestStruct):
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _AlterClientQuotasResponse
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
                ("ops", Array(("key", String("utf-8")), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


class _AlterClientQuotas(Request[_AlterClientQuotasStruct]):
    """Kafka's AlterClientQuotas (KIP-546), which aiokafka 0.14 does not have."""

    API_KEY = 49

    def __init__(self, added: Mapping[str | None, Quotas]) -> None:
        self._added = added

    def build(self, request_struct_class: type[_AlterClientQuotasStruct]) -> _AlterClientQuotasStruct:
        entries = [
            ([(_CLIENT_ID, name)], [(key, value, False) for key, value in quotas.items()])
            for name, quotas in self._added.items()
        ]
        return request_struct_class(entries, False)


class QuotaAdmin(Admin):
    """A client for quotas of client ids; those of users, and of users' client ids, are not touched."""

    async def quotas(self) -> dict[str | None, Quotas]:
        """By client id; `DEFAULT` are those of every other one."""
        answer: Any = await self._send_request(
            DescribeClientQuotasRequest([(_CLIENT_ID, _ANY_NAME, None)], strict=True)  # type: ignore[list-item]
        )
        if answer.error_code:
            raise LocalError(
                f"Kafka did not describe its quotas: {answer.error_message or for_code(answer.error_code)}"
            )
        return {entity[0][1]: dict(values) for entity, values in answer.entries}

    async def add_quotas(self, added: Mapping[str | None, Quotas]) -> None:
        """Sets these, and leaves every other one. Returns once a broker has them: the controller answers before."""
        answer: Any = await self._send_request(_AlterClientQuotas(added))
        for code, message, entity in answer.entries:
            if code:
                name = entity[0][1] or "other clients"
                raise LocalError(f"Kafka did not set the quotas of {name}: {message or for_code(code)}")
        async with asyncio.timeout(_APPLIED_SECONDS):
            while not _includes(await self.quotas(), added):  # noqa: ASYNC110 (there is no event to wait for)
                await asyncio.sleep(0.05)


def _includes(present: Mapping[str | None, Quotas], added: Mapping[str | None, Quotas]) -> bool:
    return all(quotas.items() <= present.get(name, {}).items() for name, quotas in added.items())


async def ensure_quotas(bootstrap: str, *, prefix: str = "", foreign: Quotas = FOREIGN) -> list[str | None]:
    """Sets the quotas that no one has set, and returns for which client ids. One that an operator changed stays."""
    wanted: dict[str | None, Quotas] = {DEFAULT: foreign}
    wanted |= {prefix + name: UNLIMITED for name in SERVICES}
    admin = QuotaAdmin(bootstrap_servers=bootstrap, request_timeout_ms=20_000)
    await admin.start()
    try:
        present = await admin.quotas()
        missing = {
            name: {key: value for key, value in quotas.items() if key not in present.get(name, {})}
            for name, quotas in wanted.items()
        }
        added = {name: quotas for name, quotas in missing.items() if quotas}
        if added:
            await admin.add_quotas(added)
        return list(added)
    finally:
        await admin.close()
