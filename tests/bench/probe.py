"""One student on its way: to the answer, to the committed decision, to the committed ledger record.

The moments are those at which another session of the database sees it: it looks every 2 ms.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, Self

import asyncpg
import httpx

from infra.demo.cohort import CohortSize, Event, make_cohort
from tests.bench.figures import Figures, require_equal, spread
from tests.bench.ground import QUERIES, Ground

LOOK_SECONDS: Final = 0.002
DEADLINE_SECONDS: Final = 120.0
SINGLE: Final = "application/cloudevents+json"
SEED: Final = 77
NO_NOISE: Final = CohortSize(mentors=40, duplicate_share=0, unchanged_share=0, invalid_share=0)


@dataclass(frozen=True, slots=True)
class Seen:
    """Milliseconds from the moment the student was sent."""

    answer: float
    decision: float
    ledger: float


@dataclass(slots=True)
class Probed:
    """Of several students; `at` is when each was sent (monotonic seconds)."""

    seen: list[Seen] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def figures(self) -> Figures:
        """p50, p99 and the most of each."""
        return {
            "answer_ms": spread([one.answer for one in self.seen]),
            "decision_ms": spread([one.decision for one in self.seen]),
            "ledger_ms": spread([one.ledger for one in self.seen]),
        }


def single_students(count: int, mark: str, seed: int = SEED) -> Sequence[Event]:
    """Students of the tenant `default` that no load of `cohorts` is likely to hold; `mark` makes their ids differ."""
    size = replace(NO_NOISE, students=count)
    return [{**event, "id": f"{mark}-{event['id']}"} for event in make_cohort(seed, size).students]


class Probe:
    """Sends single students and watches them. A context manager."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        token = ground.system.token("upstream")
        self._client = httpx.AsyncClient(
            base_url=ground.system.urls["intake"],
            headers={"authorization": f"Bearer {token}", "content-type": SINGLE},
            timeout=DEADLINE_SECONDS,
            trust_env=False,
        )
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}

    async def __aenter__(self) -> Self:
        for service in ("allocation", "audit"):
            self._connections[service] = await asyncpg.connect(
                self._ground.system.database(service).owner_dsn
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections.values():
            await connection.close(timeout=5)
        await self._client.aclose()

    async def send(self, event: Event) -> tuple[int, int, str]:
        """The partition and sequence of the student's fact, and the id it was answered with."""
        answer = await self._client.post("/v1/events", content=json.dumps(event, ensure_ascii=False).encode())
        require_equal(answer.status_code, 202, "the status of an answer")
        fact = answer.json()["facts"][0]
        partition, sequence = fact["partition"], fact["sequence"]
        return partition, sequence, f"intake-{partition:02d}-{sequence:016d}"

    async def watch(self, event: Event) -> Seen:
        """Sends the student and follows it to the ledger."""
        ends = {
            row["partition"]: row["sequence"]
            for row in await self._connections["allocation"].fetch(QUERIES["log_ends"])
        }
        begun = time.perf_counter()
        partition, sequence, fact_id = await self.send(event)
        answered = time.perf_counter()
        await self._until("allocation", "intake", partition, sequence)
        decided = time.perf_counter()
        decision = await self._connections["allocation"].fetchval(
            QUERIES["decision_of"], partition, ends[partition], fact_id
        )
        await self._until("audit", "allocation", partition, decision)
        kept = time.perf_counter()
        return Seen(*((moment - begun) * 1000 for moment in (answered, decided, kept)))

    async def watch_all(self, events: Iterator[Event], *, pause_seconds: float, until: float) -> Probed:
        """One after the other, with a pause after each, until there is none left or it is `until` (monotonic)."""
        probed = Probed()
        for event in events:
            if time.monotonic() >= until:
                break
            probed.at.append(time.monotonic())
            probed.seen.append(await self.watch(event))
            await asyncio.sleep(pause_seconds)
        return probed

    async def _until(self, service: str, source: str, partition: int, sequence: int) -> None:
        end = time.monotonic() + DEADLINE_SECONDS
        connection = self._connections[service]
        while (await connection.fetchval(QUERIES["applied_to"], source, partition) or 0) < sequence:
            if time.monotonic() > end:
                raise TimeoutError(f"{service} did not apply {source} {partition} {sequence}")
            await asyncio.sleep(LOOK_SECONDS)
