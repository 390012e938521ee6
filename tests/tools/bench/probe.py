"""One student on its way: to the answer, to the committed decision, to the committed ledger record.

The moments are those at which another session of the database sees it: it looks every 2 ms.
"""

import asyncio
import json
import math
import time
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, Self

import asyncpg
import httpx

from infra.demo.cohort import CohortSize, make_cohort
from tests.tools.bench.cohorts import BATCH_EVENTS, PROBE_TENANT, cut
from tests.tools.bench.figures import Figures, require_equal, spread
from tests.tools.bench.harness import QUERIES, Harness

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


class Probe:
    """Sends single students of a tenant of their own, and watches them. A context manager.

    `sent` is how many it has sent so far.
    """

    def __init__(self, harness: Harness, students: int) -> None:
        """`students` are the most that will be sent."""
        self._harness = harness
        self._cohort = make_cohort(SEED, replace(NO_NOISE, students=students))
        self._left = iter(self._cohort.students)
        self.sent = 0
        [(self._source, self._tenant)] = PROBE_TENANT.items()
        token = harness.system.token("upstream", tenant=self._tenant)
        self._client = httpx.AsyncClient(
            base_url=harness.system.urls["intake"],
            headers={"authorization": f"Bearer {token}", "content-type": SINGLE},
            timeout=DEADLINE_SECONDS,
            trust_env=False,
        )
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}

    async def __aenter__(self) -> Self:
        for service in ("allocation", "audit"):
            self._connections[service] = await asyncpg.connect(
                self._harness.system.database(service).owner_dsn
            )
        for event in self._cohort.reference:
            event["source"] = self._source
        await self._harness.sender.send_all(
            cut(self._tenant, self._cohort.reference, BATCH_EVENTS), at_once=1
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections.values():
            await connection.close(timeout=5)
        await self._client.aclose()

    async def send(self) -> tuple[int, int, str]:
        """Sends the next student; the partition and sequence of its fact, and the fact's id."""
        event = {**next(self._left), "source": self._source}
        self.sent += 1
        answer = await self._client.post("/v1/events", content=json.dumps(event, ensure_ascii=False).encode())
        require_equal(answer.status_code, 202, "the status of an answer")
        fact = answer.json()["facts"][0]
        partition, sequence = fact["partition"], fact["sequence"]
        return partition, sequence, f"intake-{partition:02d}-{sequence:016d}"

    async def watch(self) -> Seen:
        """Sends the next student and follows it to the ledger."""
        ends = {
            row["partition"]: row["sequence"]
            for row in await self._connections["allocation"].fetch(QUERIES["log_ends"])
        }
        begun = time.perf_counter()
        partition, sequence, fact_id = await self.send()
        answered = time.perf_counter()
        await self._until("allocation", "intake", partition, sequence)
        decided = time.perf_counter()
        decision = await self._connections["allocation"].fetchval(
            QUERIES["decision_of"], partition, ends[partition], fact_id
        )
        await self._until("audit", "allocation", partition, decision)
        kept = time.perf_counter()
        return Seen(*((moment - begun) * 1000 for moment in (answered, decided, kept)))

    async def watch_all(
        self, students: int, *, pause_seconds: float = 0.0, until: float = math.inf
    ) -> Probed:
        """So many, one after the other, with a pause after each; fewer if it is `until` (monotonic) before."""
        probed = Probed()
        while len(probed.seen) < students and time.monotonic() < until:
            sent_at = time.monotonic()
            probed.seen.append(await self.watch())
            probed.at.append(sent_at)
            await asyncio.sleep(pause_seconds)
        return probed

    async def _until(self, service: str, source: str, partition: int, sequence: int) -> None:
        end = time.monotonic() + DEADLINE_SECONDS
        connection = self._connections[service]
        while (await connection.fetchval(QUERIES["applied_to"], source, partition) or 0) < sequence:
            if time.monotonic() > end:
                raise TimeoutError(f"{service} did not apply {source} {partition} {sequence}")
            await asyncio.sleep(LOOK_SECONDS)
