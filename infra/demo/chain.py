"""Waits along the chain of positions: what upstream sent is in intake's log, decided, and in the ledger."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

POLL_SECONDS: Final = 0.05

Sequences = dict[int, int]
"""Partition → sequence."""


class Chain:
    """Reads `/v1/positions` of the three services with one token that may see all of them."""

    def __init__(
        self, client: httpx.AsyncClient, urls: Mapping[str, str], *, deadline_seconds: float
    ) -> None:
        self._client = client
        self._urls = urls
        self._deadline_seconds = deadline_seconds

    async def wait_for_inbound(self, records: int) -> None:
        """Returns when intake has applied `records` records of `rahnama.inbound`, counted over its partitions."""
        await self._wait(
            "intake",
            lambda positions: sum(applied(positions, "inbound").values()) >= records,
            "rahnama.inbound",
        )

    async def wait_for_ledger(self) -> tuple[Sequences, Sequences]:
        """Returns the ends of both logs, once allocation has decided and audit keeps everything up to them."""
        facts = log_ends(await self._positions("intake"))
        await self._wait("allocation", lambda seen: reached(applied(seen, "intake"), facts), "intake's facts")
        decisions = log_ends(await self._positions("allocation"))
        await self._wait(
            "audit",
            lambda seen: (
                reached(applied(seen, "intake"), facts) and reached(applied(seen, "allocation"), decisions)
            ),
            "facts and decisions",
        )
        return facts, decisions

    async def _wait(self, service: str, is_reached: Any, what: str) -> None:
        end = time.monotonic() + self._deadline_seconds
        while not is_reached(await self._positions(service)):
            if time.monotonic() > end:
                raise TimeoutError(f"{service} did not apply {what} within {self._deadline_seconds:.0f} s")
            await asyncio.sleep(POLL_SECONDS)

    async def _positions(self, service: str) -> dict[str, Any]:
        answer = await self._client.get(f"{self._urls[service]}/v1/positions")
        answer.raise_for_status()
        positions: dict[str, Any] = answer.json()
        return positions


def applied(positions: dict[str, Any], source: str) -> Sequences:
    """How far each partition of a source was applied."""
    return {row["partition"]: row["applied"] for row in positions["inbox"] if row["source"] == source}


def log_ends(positions: dict[str, Any]) -> Sequences:
    """The last sequence of each partition of the service's own log."""
    return {row["partition"]: row["last"] for row in positions["log"]}


def reached(present: Sequences, wanted: Sequences) -> bool:
    """Whether every partition stands at its wanted sequence or beyond."""
    return all(present.get(partition, 0) >= sequence for partition, sequence in wanted.items())
