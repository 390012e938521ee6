"""Students per second, CPU and memory of intake alone: the real service, HTTP batches, real Kafka and Postgres.

RAHNAMA_TEST_KAFKA=… RAHNAMA_TEST_POSTGRES=… python -m tests.bench.intake_rate [students] [batch] [at once]
"""

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path

import asyncpg
import httpx

from infra.demo.cohort import CohortSize, make_cohort
from infra.local.ports import free_ports
from tests.servers import PostgresCluster, fresh_topics, running_kafka
from tests.tokens import TestIssuer

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


async def measure(students: int, batch: int, at_once: int) -> None:
    cluster = PostgresCluster(os.environ["RAHNAMA_TEST_POSTGRES"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        issuer = TestIssuer(folder)
        (folder / "master.key").write_text(b64encode(secrets.token_bytes(32)).decode())
        async with (
            running_kafka() as bootstrap,
            cluster.fresh() as databases,
            fresh_topics(bootstrap) as topics,
        ):
            [port] = free_ports(1)
            environment = {
                **os.environ,
                "RAHNAMA_DATABASE_URL": databases.intake.owner_dsn,
                "RAHNAMA_KAFKA_BOOTSTRAP": bootstrap,
                "RAHNAMA_TOPIC_PREFIX": topics.prefix,
                "RAHNAMA_PORT": str(port),
                "RAHNAMA_JWKS_FILE": str(issuer.jwks_file),
                "RAHNAMA_JWT_ISSUER": issuer.issuer,
                "RAHNAMA_MASTER_KEY_FILE": str(folder / "master.key"),
            }
            migration = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.intake", "migrate", env=environment
            )
            assert await migration.wait() == 0
            environment["RAHNAMA_DATABASE_URL"] = databases.intake.dsn
            command = [sys.executable, "-m", "services.intake"]
            if profile := os.environ.get("PROFILE"):
                command = [sys.executable, "-m", "cProfile", "-o", profile, "-m", "services.intake"]
            service = await asyncio.create_subprocess_exec(*command, env=environment)
            try:
                await drive(f"http://127.0.0.1:{port}", service.pid, issuer, students, batch, at_once)
                await tell_backends(databases.intake.owner_dsn)
            finally:
                service.send_signal(2)
                await service.wait()


async def tell_backends(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "select pid, application_name from pg_stat_activity where datname = current_database()"
    )
    total = sum(cpu_seconds(row["pid"]) for row in rows if row["application_name"] == "intake")
    print(f"postgres backends: {total:.2f} s CPU")
    await connection.close()


async def drive(url: str, pid: int, issuer: TestIssuer, students: int, batch: int, at_once: int) -> None:
    cohort = make_cohort(7, CohortSize(students=students))
    bodies = [
        json.dumps(cohort.students[start : start + batch], ensure_ascii=False).encode()
        for start in range(0, len(cohort.students), batch)
    ]
    headers = {"content-type": "application/cloudevents-batch+json", **issuer.headers("upstream")}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        async with asyncio.timeout(30):
            while True:
                try:
                    if (await client.get("/readyz")).status_code == 200:
                        break
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        reference = json.dumps(cohort.reference, ensure_ascii=False).encode()
        answer = await client.post("/v1/events", content=reference)
        assert answer.status_code == 202, answer.text
        counts: dict[str, int] = {}
        waiting = list(reversed(bodies))

        async def work() -> None:
            while waiting:
                answer = await client.post("/v1/events", content=waiting.pop())
                assert answer.status_code == 202, answer.text
                for result in answer.json()["results"]:
                    counts[result["status"]] = counts.get(result["status"], 0) + 1

        cpu, started = cpu_seconds(pid), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        answered = time.perf_counter() - started
        while True:
            positions = (await client.get("/v1/positions")).json()["log"]
            if all(item["last"] == item["published"] for item in positions):
                break
            await asyncio.sleep(0.02)
        relayed = time.perf_counter() - started
        used = cpu_seconds(pid) - cpu
        print(
            f"{students} students in batches of {batch}, {at_once} at once: answered {students / answered:.0f}/s, "
            f"relayed {students / relayed:.0f}/s; intake {used * 1000 / students * 1000:.0f} ms CPU per 1,000, "
            f"{resident_megabytes(pid):.0f} MB resident; {counts}"
        )


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(measure(*[*arguments, *(10_000, 500, 3)[len(arguments) :]]))
