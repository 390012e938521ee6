"""`make fuzz-api EXAMPLES=30 SEED=7`: progress of schemathesis on standard output; exit 0 only if every check held."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import jwt

from infra.demo.cohort import CohortSize, make_cohort
from infra.local.home import Home
from infra.local.keys import ensure_keys, public_jwk
from infra.local.ports import SystemPorts
from infra.local.system import System
from infra.local.tokens import ROLES
from infra.services import NAMES
from tests.e2e.upstream import Upstream
from tests.fuzz.api.schemathesis_run import KNOWN, run_schemathesis

REQUEST_SECONDS: Final = 30
COHORT: Final = CohortSize(students=200, mentors=12, managers=3)
BROKEN: Final = (b'"request_failed"', b'"service_failed"')
"""Events of the log that a request must not lead to."""


async def fuzz(services: Sequence[str], examples: int, seed: int) -> list[str]:
    """What did not hold, of each service."""
    with Home.from_environment().scratch_folder("fuzz-api") as folder:
        system = System(Home.from_environment(), folder, SystemPorts.free())
        await system.start()
        try:
            (folder / KNOWN).write_text(json.dumps(await _populate(system)))
            failures = []
            for service in services:
                code = await _run(system, service, examples, seed)
                if code != 0:
                    failures.append(f"{service}: schemathesis ended with {code}")
                failures += _broken(folder, service) + await _unready(system, service)
            return failures
        finally:
            await system.stop()


async def _populate(system: System) -> dict[str, list[Any]]:
    """Sends a cohort. Returns ids that exist, by the name of the parameter."""
    cohort = make_cohort(seed=4, size=COHORT)
    async with Upstream(system) as upstream:
        await upstream.send_again(cohort.reference)
        await upstream.send_again(cohort.students)
        students = (await upstream.client.get(f"{system.urls['intake']}/v1/students")).json()["items"]
        mentors = (await upstream.client.get(f"{system.urls['intake']}/v1/mentors")).json()["items"]
    return {
        "student_id": [student["student_id"] for student in students],
        "mentor_id": [mentor["mentor_id"] for mentor in mentors],
        "manager_id": [1, 2, 3],
        "year": [1403, 1404],
        "source": ["intake", "allocation"],
        "partition": list(range(12)),
        "sequence": [1, 2, 3],
    }


async def _run(system: System, service: str, examples: int, seed: int) -> int:
    """The exit code of schemathesis."""
    token = token_of_all_roles(system)
    document = system.folder / f"{service}.json"
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as client:
        answer = await client.get(
            f"{system.urls[service]}/openapi.json", headers={"authorization": f"Bearer {token}"}
        )
    document.write_bytes(answer.raise_for_status().content)
    return await run_schemathesis(system.urls[service], document, token, examples=examples, seed=seed)


def token_of_all_roles(system: System) -> str:
    """One that reaches every route."""
    issuer = ensure_keys(system.folder / "keys").issuer()
    claims = jwt.decode(system.token("admin"), options={"verify_signature": False})
    return jwt.encode(
        {**claims, "roles": list(ROLES)},
        issuer,
        algorithm="EdDSA",
        headers={"kid": public_jwk(issuer)["kid"]},
    )


def _broken(folder: Path, service: str) -> list[str]:
    """Errors that nobody handled, by the service's log."""
    lines = (folder / "logs" / f"{service}.log").read_bytes().splitlines()
    return [
        f"{service} logged {line[:1000].decode(errors='replace')}"
        for line in lines
        if any(event in line for event in BROKEN)
    ]


async def _unready(system: System, service: str) -> list[str]:
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as client:
        answer = await client.get(f"{system.urls[service]}/readyz")
    return [] if answer.status_code == 200 else [f"{service} is not ready: {answer.text[:500]}"]


def main() -> int:
    """0 only if every check held and no service failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.api", description=__doc__)
    parser.add_argument("--examples", type=int, default=30, help="most of each operation")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--service", action="append", choices=NAMES)
    asked = parser.parse_args()
    failures = asyncio.run(fuzz(asked.service or NAMES, asked.examples, asked.seed))
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
