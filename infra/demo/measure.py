"""What happened, asked of the system itself: its REST routes, its metrics and its tables."""

from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
import httpx
import psutil

from infra.demo.cohort import YEAR
from infra.local.managed_process import ManagedProcess
from infra.local.system import System
from infra.services import NAMES

PAGE: Final = 500
MEGABYTE: Final = 1_000_000
EVENTS_METRIC: Final = "rahnama_intake_events_total"
STATUSES: Final = ("accepted", "unchanged", "duplicate", "rejected")

LATENCY_SQL: Final = """
select percentile_cont(array[0.5, 0.99]) within group (order by milliseconds) from (
    select extract(epoch from recorded_at - {accepted_at}) * 1000 as milliseconds
    from {table} where type in ('rahnama.allocation.student.assigned.v1', 'rahnama.allocation.student.waitlisted.v1')
) as latencies
"""

STUDENTS_SQL: Final = "select count(distinct (tenant, student_id)) from student_years"


@dataclass(slots=True)
class Outcome:
    """Counts and figures of one run. Latencies are milliseconds from acceptance, 50th and 99th percentile.

    `students` are those whom intake knows; `summary` is allocation's own count of them.
    `resident_mb` is each service's resident memory in MB.
    """

    by_status: dict[str, int]
    students: int
    rejected_by_code: dict[str, int]
    summary: dict[str, Any]
    decision_ms: tuple[float, float]
    ledger_ms: tuple[float, float]
    resident_mb: dict[str, int] = field(default_factory=dict)
    verification: dict[str, Any] = field(default_factory=dict)


async def measure(system: System, client: httpx.AsyncClient) -> Outcome:
    """Asks every part. `client` carries an admin's token."""
    return Outcome(
        by_status=await _events_by_status(client, system.urls["intake"]),
        students=await _value(system.database("intake").owner_dsn, STUDENTS_SQL),
        rejected_by_code=await _rejections(client, system.urls["intake"]),
        summary=await _get(client, f"{system.urls['allocation']}/v1/summary?year={YEAR}"),
        decision_ms=await _latency(
            system.database("allocation").owner_dsn,
            LATENCY_SQL.format(
                table="log", accepted_at="(convert_from(value, 'UTF8')::json ->> 'time')::timestamptz"
            ),
        ),
        ledger_ms=await _latency(
            system.database("audit").owner_dsn, LATENCY_SQL.format(table="ledger", accepted_at="time")
        ),
        resident_mb={name: _resident_mb(system.parts[name]) for name in NAMES},
    )


def _resident_mb(part: ManagedProcess) -> int:
    return psutil.Process(part.child.pid).memory_info().rss // MEGABYTE if part.child is not None else 0


async def verify(system: System, client: httpx.AsyncClient) -> dict[str, Any]:
    """Audit's report over every chain and tree, from the ledger and from the topics."""
    answer = await client.post(f"{system.urls['audit']}/v1/verifications", json={}, timeout=300)
    answer.raise_for_status()
    report: dict[str, Any] = answer.json()
    return report


async def _get(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    answer = await client.get(url)
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


async def _events_by_status(client: httpx.AsyncClient, intake_url: str) -> dict[str, int]:
    answer = await client.get(f"{intake_url}/metrics")
    answer.raise_for_status()
    counts = dict.fromkeys(STATUSES, 0)
    for line in answer.text.splitlines():
        if line.startswith(EVENTS_METRIC + "{"):
            labels, value = line.rsplit(" ", 1)
            for status in STATUSES:
                if f'status="{status}"' in labels:
                    counts[status] += int(float(value))
    return counts


async def _rejections(client: httpx.AsyncClient, intake_url: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    cursor: str | None = None
    while True:
        query = f"limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
        page = await _get(client, f"{intake_url}/v1/rejections?{query}")
        for rejection in page["items"]:
            for error in rejection["errors"]:
                counts[error["code"]] = counts.get(error["code"], 0) + 1
        cursor = page["next"]
        if cursor is None:
            return dict(sorted(counts.items()))


async def _latency(dsn: str, query: str) -> tuple[float, float]:
    middle, high = await _value(dsn, query) or (0.0, 0.0)
    return round(middle, 1), round(high, 1)


async def _value(dsn: str, query: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
