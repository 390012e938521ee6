"""Upstream as a load: every piece until it is answered, or so many events a second whatever the answers are."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
import msgspec

from tests.tools.bench.cohorts import Piece

SECONDS: Final = 60.0
REQUESTS_AT_ONCE: Final = 6
ATTEMPTS: Final = 200
MOST_REQUESTS_AT_ONCE: Final = 256
"""Of a load that does not wait: beyond it a request is not sent, and is told as `unsent`."""
BATCH: Final = "application/cloudevents-batch+json"


class _Result(msgspec.Struct):
    status: str


class _Answer(msgspec.Struct):
    results: list[_Result]


_decode: Final = msgspec.json.Decoder(_Answer).decode


@dataclass(slots=True)
class Sent:
    """What became of a load: events by `status`; requests that were refused with 503 or met no answer; milliseconds."""

    status: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    refused: deque[Piece] = field(default_factory=deque)
    refused_requests: int = 0
    refused_milliseconds: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    unanswered: deque[Piece] = field(default_factory=deque)
    unsent: deque[Piece] = field(default_factory=deque)
    in_flight: int = 0
    offered_seconds: float = 0.0
    """Until the last piece of a load that does not wait was sent."""

    @property
    def answered(self) -> int:
        """Events."""
        return self.status.total()

    def take_back(self) -> list[Piece]:
        """What has to be sent again: refused, without an answer, or never sent. They are forgotten here."""
        left = [*self.refused, *self.unanswered, *self.unsent]
        for pieces in (self.refused, self.unanswered, self.unsent):
            pieces.clear()
        return left


class Sender:
    """Sends pieces over HTTP with their tenants' tokens. A context manager."""

    def __init__(self, intake_url: str, tokens: Mapping[str, str]) -> None:
        self._headers = {
            tenant: {"authorization": f"Bearer {token}", "content-type": BATCH}
            for tenant, token in tokens.items()
        }
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=MOST_REQUESTS_AT_ONCE)
        self._client = httpx.AsyncClient(base_url=intake_url, timeout=SECONDS, trust_env=False, limits=limits)

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send_all(self, pieces: Iterable[Piece], *, at_once: int = REQUESTS_AT_ONCE) -> Sent:
        """Each one until it is answered, so many at a time; a refused one again when `Retry-After` says."""
        sent, waiting = Sent(), deque(pieces)

        async def work() -> None:
            while waiting:
                await self._send_until_answered(waiting.popleft(), sent)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
        return sent

    async def send_at_rate(
        self, pieces: Iterable[Piece], events_per_second: float, sent: Sent | None = None
    ) -> Sent:
        """So many events a second, however slow the answers are. Returns when all that was sent is answered.

        `sent`, if it is given, is told of every answer as it comes.
        """
        sent = Sent() if sent is None else sent
        begun, due = time.monotonic(), 0.0
        async with asyncio.TaskGroup() as group:
            for piece in pieces:
                await asyncio.sleep(max(0.0, begun + due - time.monotonic()))
                due += piece.events / events_per_second
                if sent.in_flight >= MOST_REQUESTS_AT_ONCE:
                    sent.unsent.append(piece)
                else:
                    sent.in_flight += 1
                    group.create_task(self._send_in_flight(piece, sent))
            sent.offered_seconds = time.monotonic() - begun
        return sent

    async def _send_in_flight(self, piece: Piece, sent: Sent) -> None:
        try:
            if await self._send(piece, sent) is not None:
                sent.refused.append(piece)
        except httpx.TransportError:
            sent.unanswered.append(piece)
        finally:
            sent.in_flight -= 1

    async def _send_until_answered(self, piece: Piece, sent: Sent) -> None:
        for _attempt in range(ATTEMPTS):
            seconds = await self._send(piece, sent)
            if seconds is None:
                return
            await asyncio.sleep(seconds)
        raise RuntimeError(f"a request was refused {ATTEMPTS} times")

    async def _send(self, piece: Piece, sent: Sent) -> float | None:
        """None, or after how many seconds a refused piece may be sent again."""
        begun = time.perf_counter()
        answer = await self._client.post(
            "/v1/events", content=piece.body, headers=self._headers[piece.tenant]
        )
        if answer.status_code == 503:
            sent.refused_requests += 1
            sent.refused_milliseconds.append((time.perf_counter() - begun) * 1000)
            if "retry-after" not in answer.headers:
                sent.without_retry_after += 1
            return float(answer.headers.get("retry-after", "1"))
        if answer.status_code != 202:
            raise RuntimeError(f"intake answered {answer.status_code}: {answer.text[:300]}")
        sent.milliseconds.append((time.perf_counter() - begun) * 1000)
        sent.status.update(result.status for result in _decode(answer.content).results)
        return None
