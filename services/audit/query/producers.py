"""The services that own the logs, asked over REST: pages of a log, and a replay of the read models.

Audit has no rights of its own there: each request carries the token of whoever asked for the verification.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import httpx
import msgspec

from shared.errors import Unavailable
from shared.verification.findings import LogPage, ReadModelReport
from shared.verification.routes import MOST_ROWS

PAGE_SECONDS: Final = 30.0
SLACK_SECONDS: Final = 30.0
"""How much longer a replay is waited for than the service itself lets it take."""

ATTEMPTS: Final = 10
LONGEST_PAUSE_SECONDS: Final = 10.0
"""Of a request that exceeds a limit of the caller there, who may be reading something else meanwhile."""

T = TypeVar("T")


class ProducerUnreachable(Unavailable):
    """A service that owns a log did not answer, or not with a verdict; there is no verification without it."""

    code = "PRODUCER_UNREACHABLE"
    retry_after_seconds = 10


class Producers:
    """Clients of the services that own the logs, by source; `seconds` bounds a replay."""

    def __init__(self, clients: Mapping[str, httpx.AsyncClient], seconds: float) -> None:
        self._clients = clients
        self._seconds = seconds

    @classmethod
    def at(cls, urls: Mapping[str, str], seconds: float) -> "Producers":
        """Clients of these base URLs; no proxy of the environment stands between."""
        clients = {
            source: httpx.AsyncClient(base_url=url, timeout=PAGE_SECONDS, trust_env=False)
            for source, url in urls.items()
        }
        return cls(clients, seconds)

    def __contains__(self, source: str) -> bool:
        """Whether the service that owns this log can be asked."""
        return source in self._clients

    async def stop(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def page(self, source: str, partition: int, after: int, authorization: str) -> LogPage:
        """The next rows of a log, checked by its service. Raises `ProducerUnreachable`."""
        query = {"partition": partition, "after": after, "limit": MOST_ROWS}
        return await self._ask(
            source, "GET", "/v1/verification/log", authorization, LogPage, PAGE_SECONDS, params=query
        )

    async def read_models(self, source: str, authorization: str) -> ReadModelReport:
        """What a replay beside the read models found. Raises `ProducerUnreachable`."""
        seconds = self._seconds + SLACK_SECONDS
        path = "/v1/verification/read-models"
        return await self._ask(source, "POST", path, authorization, ReadModelReport, seconds)

    async def _ask(
        self,
        source: str,
        method: str,
        path: str,
        authorization: str,
        shape: type[T],
        seconds: float,
        **options: Any,
    ) -> T:
        options |= {"headers": {"Authorization": authorization}, "timeout": seconds}
        try:
            for attempt in range(1, ATTEMPTS + 1):
                answer = await self._clients[source].request(method, path, **options)
                if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or attempt == ATTEMPTS:
                    break
                await asyncio.sleep(_retry_after_seconds(answer))
        except httpx.HTTPError as error:
            raise ProducerUnreachable(f"{source} does not answer: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK:
            raise ProducerUnreachable(f"{source} answered {path} with {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except msgspec.DecodeError as error:
            raise ProducerUnreachable(f"{source} answered {path} with something else: {error}") from error


def _retry_after_seconds(answer: httpx.Response) -> float:
    wanted = answer.headers.get("retry-after", "")
    return min(LONGEST_PAUSE_SECONDS, float(wanted)) if wanted.isdecimal() else 1.0
