"""`make up DEMO=1`: sends the demo's cohort into the running system over HTTP. Sent again, it changes nothing."""

import asyncio
import sys
from typing import Any

import httpx

from infra.demo.chain import Chain
from infra.demo.cohort import YEAR, make_cohort
from infra.demo.progress import Progress
from infra.demo.send import Upstream, encode_batches, require_rejected, send_over_http
from infra.local.errors import LocalError
from infra.local.home import Home
from infra.local.keys import ensure_keys
from infra.local.state import State, read_state
from infra.local.tokens import make_token

DEADLINE_SECONDS = 120.0


def load(home: Home, registrations: int | None = None) -> int:
    """The exit code; prints how many students have a mentor and how many wait.

    `registrations` sends so many of the students' events, the first ones, and all mentors. More of them can follow later.
    """
    state = read_state(home.up)
    if state is None or not state.running:
        raise LocalError("Rahnama is not running. make up starts it.")
    try:
        summary = asyncio.run(_load(home, state, registrations))
    except (TimeoutError, httpx.HTTPError, RuntimeError) as error:
        print(f"The demo's cohort was not loaded: {error}", file=sys.stderr)
        return 1
    print(
        f"  The demo's cohort is loaded: {summary['assigned']:,} assigned, {summary['waitlisted']:,} waitlisted."
    )
    return 0


async def _load(home: Home, state: State, registrations: int | None) -> Any:
    keys = ensure_keys(home.up / "keys")
    cohort = make_cohort()
    students = cohort.students[:registrations]
    upstream = Upstream(state.urls["intake"], make_token(keys, "upstream"), state.kafka_bootstrap, "", 0)
    headers = {"authorization": f"Bearer {make_token(keys, 'admin')}"}
    async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as client:
        chain = Chain(client, state.urls, deadline_seconds=DEADLINE_SECONDS)
        with Progress("managers, roster, mentors", len(cohort.reference)) as progress:
            bodies = encode_batches(cohort.reference)
            rejected = await send_over_http(upstream, bodies, progress.advance, requests_at_once=1)
        require_rejected(rejected, cohort.reference)
        with Progress("students", len(students)) as progress:
            rejected = await send_over_http(upstream, encode_batches(students), progress.advance)
        require_rejected(rejected, students)
        await chain.wait_for_ledger()
        answer = await client.get(f"{state.urls['allocation']}/v1/summary", params={"year": YEAR})
        answer.raise_for_status()
        return answer.json()
