"""`make demo`: starts everything, sends the cohort, waits until audit has it all, verifies, reports, stops.

The report goes to standard output, its last line one JSON object; progress goes to standard error.
"""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import httpx

from infra.demo.chain import Chain
from infra.demo.cohort import Cohort, make_cohort
from infra.demo.measure import Outcome, measure, verify
from infra.demo.progress import Progress
from infra.demo.report import figures, is_whole, page
from infra.demo.send import Upstream, encode_batches, require_rejected, send_over_http, send_over_kafka
from infra.demo.traced import collector_environment, follow, with_trace
from infra.local.errors import LocalError
from infra.local.home import Home
from infra.local.ports import SystemPorts
from infra.local.screen import StageScreen
from infra.local.side_by_side import side_by_side
from infra.local.system import System
from infra.local.topics import DEFAULT_PARTITIONS
from infra.otel.collector import CollectedSpan, Collector

DEADLINE_SECONDS: Final = 120.0
HTTP_SECONDS: Final = 60.0
INBOUND_TOPIC: Final = "rahnama.inbound"


def main() -> int:
    """Exit code: 0 only if every student has an outcome, no event was rejected unexpectedly, and the verification holds."""
    cohort = make_cohort()
    try:
        text, result = asyncio.run(_demo(Home.from_environment(), cohort))
    except KeyboardInterrupt:
        return 130
    except (LocalError, TimeoutError, httpx.HTTPError, RuntimeError) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    print(text)
    print(json.dumps(result))
    return 0 if is_whole(result, wrong=len(cohort.wrong)) else 1


async def _demo(home: Home, cohort: Cohort) -> tuple[str, dict[str, Any]]:
    async with AsyncExitStack() as stack:
        stack.enter_context(home.only_demo())
        shutil.rmtree(home.demo, ignore_errors=True)
        collector = stack.enter_context(Collector())
        with StageScreen() as screen:
            system = await stack.enter_async_context(
                System(
                    home,
                    home.demo,
                    SystemPorts.free(),
                    environment=collector_environment(collector),
                    on_change=lambda changed: screen.update(changed.stages),
                )
            )
        headers = {"authorization": f"Bearer {system.token('admin')}"}
        client = await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=HTTP_SECONDS))
        outcome, sent, seconds, trace = await _run(system, client, cohort, collector)
    result = figures(outcome, sent=sent, seconds=seconds, trace=trace)
    return page(result, outcome, trace), result


async def _run(
    system: System, client: httpx.AsyncClient, cohort: Cohort, collector: Collector
) -> tuple[Outcome, int, float, Sequence[CollectedSpan]]:
    upstream = Upstream(
        system.urls["intake"],
        system.token("upstream"),
        system.kafka_bootstrap,
        INBOUND_TOPIC,
        DEFAULT_PARTITIONS,
    )
    chain = Chain(client, system.urls, deadline_seconds=DEADLINE_SECONDS)
    with Progress("managers, roster, mentors", len(cohort.reference)) as progress:
        # One after the other: a manager stands before the mentors that name it.
        bodies = encode_batches(cohort.reference)
        rejected = await send_over_http(upstream, bodies, progress.advance, requests_at_once=1)
        require_rejected(rejected, cohort.reference)
        await chain.wait_for_ledger()
    events, traced = with_trace(cohort.students)
    half = len(events) // 2
    bodies = encode_batches(events[:half])
    values = [json.dumps(event, ensure_ascii=False).encode() for event in events[half:]]
    with Progress("students", len(events)) as progress:
        start = time.monotonic()
        await side_by_side(
            send_over_http(upstream, bodies, progress.advance),
            send_over_kafka(upstream, values, progress.advance),
        )
        await chain.wait_for_inbound(len(values))
        await chain.wait_for_ledger()
        seconds = time.monotonic() - start
    outcome = await measure(system, client)
    outcome.verification = await verify(system, client)
    trace = await follow(collector, traced)
    return outcome, len(cohort.reference) + len(events), seconds, trace


if __name__ == "__main__":
    raise SystemExit(main())
