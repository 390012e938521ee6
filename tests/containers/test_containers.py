"""The containers as users start them: a cohort goes the whole way, each part is restarted under load, nothing is lost."""

import asyncio
import json
import time
from typing import Any, Final

import httpx
import pytest

from infra.demo.cohort import YEAR, CohortSize, Event, make_cohort
from infra.demo.traced import with_trace
from infra.services import NAMES
from tests.containers.composition import PARTS, Composition
from tests.containers.conftest import Stopwatch
from tests.deadlines import until
from tests.e2e.load import Load
from tests.e2e.upstream import Upstream
from tests.invariants.every import everything_holds

STUDENTS_A_ROUND: Final = 300
ROUNDS: Final = ("nothing", *PARTS, "all containers")
COHORT: Final = make_cohort(
    seed=41, size=CohortSize(students=STUDENTS_A_ROUND * len(ROUNDS), mentors=120, managers=10)
)
STUDENTS, TRACES = with_trace(COHORT.students)
STOP_SECONDS: Final = 10
SPAN_SECONDS: Final = 30
NOT_FOR_METRICS: Final = {
    "intake": "/v1/rejections",
    "allocation": f"/v1/summary?year={YEAR}",
    "audit": "/v1/records",
}
BUILD_TOOLS: Final = ("pip", "pip3", "gcc", "cc", "make", "apt-get", "curl", "wget")


def share_of(part: str) -> list[Event]:
    """The part of the cohort that is sent in one round."""
    number, share = ROUNDS.index(part), -(-len(STUDENTS) // len(ROUNDS))
    return STUDENTS[number * share : (number + 1) * share]


async def require_whole(upstream: Upstream, until: str) -> dict[str, Any]:
    """Every student sent so far has an outcome, every event one answer, and every proof holds; audit's report."""
    await upstream.settle()
    sent = [event for name in ROUNDS[: ROUNDS.index(until) + 1] for event in share_of(name)]
    registered = {event["data"]["national_id"] for event in sent if not event["id"].startswith("invalid-")}
    summary = await upstream.get("allocation", f"/v1/summary?year={YEAR}")
    assert summary["assigned"] + summary["waitlisted"] == len(registered)
    assert summary["assigned"] > 0
    report = await upstream.verify()
    assert report["verified"], report["first_difference"]
    return report


@pytest.mark.parametrize("service", NAMES)
async def test_a_service_runs_as_nobody_on_a_read_only_file_system_and_nothing_in_it_builds(
    composition: Composition, service: str
) -> None:
    told = composition.inspect(service)
    assert told["HostConfig"]["ReadonlyRootfs"]
    assert told["HostConfig"]["CapDrop"] == ["ALL"]
    assert composition.execute(service, "id", "-u").strip() == "10001"
    tools = " ".join(BUILD_TOOLS)
    found = composition.execute(service, "sh", "-c", f"for tool in {tools}; do command -v $tool; done; true")
    assert found == ""
    check = (
        "import importlib.util as u; print([m for m in ('pip', 'setuptools', 'hatchling') if u.find_spec(m)])"
    )
    assert composition.execute(service, "python", "-c", check).strip() == "[]"
    assert "Read-only" in composition.execute(service, "sh", "-c", "touch /venv/x 2>&1; true")


async def test_every_container_says_that_it_is_healthy(composition: Composition, upstream: Upstream) -> None:
    async def healthy() -> bool:
        return all(composition.inspect(part)["State"]["Health"]["Status"] == "healthy" for part in PARTS)

    await until(healthy, 60, "health of all containers", pause_seconds=1)


async def test_a_cohort_goes_the_whole_way_and_every_proof_holds(
    upstream: Upstream, stopwatch: Stopwatch
) -> None:
    with stopwatch.timed("first cohort, to the ledger and verified"):
        results = await upstream.send_again(COHORT.reference)
        assert {result["status"] for result in results} == {"accepted"}
        await upstream.settle()
        load = Load(upstream, share_of("nothing"))
        await load.run(lambda: asyncio.sleep(0))
        report = await require_whole(upstream, "nothing")
    assert report["records"] > STUDENTS_A_ROUND


async def test_one_trace_goes_over_all_three_containers(composition: Composition, upstream: Upstream) -> None:
    if not composition.offline:
        pytest.skip("grafana/otel-lgtm keeps its traces behind an interface of its own")

    async def told() -> bool:
        spans = [json.loads(line) for line in composition.logs("lgtm").splitlines() if line.startswith("{")]
        return any(
            {span["service"] for span in spans if span["trace_id"] == trace} == set(NAMES) for trace in TRACES
        )

    await until(told, SPAN_SECONDS, "a trace over all services", pause_seconds=1)


@pytest.mark.parametrize("service", NAMES)
async def test_who_watches_may_read_metrics_with_the_token_that_was_prepared_for_it(
    composition: Composition, service: str
) -> None:
    token = composition.execute("lgtm", "cat", "/etc/prometheus/metrics.token")
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        answer = await client.get(f"{composition.urls[service]}/metrics")
        assert (answer.status_code, "rahnama_" in answer.text) == (200, True)
        refused = await client.get(f"{composition.urls[service]}{NOT_FOR_METRICS[service]}")
    assert refused.status_code == 403


@pytest.mark.parametrize("service", NAMES)
async def test_a_service_told_to_stop_under_load_ends_with_0_in_time_and_loses_nothing(
    composition: Composition, upstream: Upstream, stopwatch: Stopwatch, service: str
) -> None:
    async def stop_and_start() -> None:
        start = time.monotonic()
        await asyncio.to_thread(composition.compose, "stop", "--timeout", str(STOP_SECONDS), service)
        stopwatch.seconds[f"{service} stops under load"] = round(time.monotonic() - start, 1)
        states.append(composition.inspect(service)["State"])
        with stopwatch.timed(f"{service} is ready again"):
            await asyncio.to_thread(composition.start, service)
            await composition.ready()

    states: list[dict[str, Any]] = []
    await Load(upstream, share_of(service)).run(stop_and_start)
    await require_whole(upstream, service)
    assert [(state["ExitCode"], state["OOMKilled"]) for state in states] == [(0, False)]


@pytest.mark.parametrize("server", ["kafka", "postgres"])
async def test_a_server_restarted_under_load_loses_nothing(
    composition: Composition, upstream: Upstream, stopwatch: Stopwatch, server: str
) -> None:
    async def restart() -> None:
        with stopwatch.timed(f"{server} restarts, all ready again"):
            await asyncio.to_thread(composition.compose, "restart", server)
            await composition.ready()

    await Load(upstream, share_of(server)).run(restart)
    await require_whole(upstream, server)


async def test_read_models_are_told_again_by_a_command_while_their_service_is_stopped(
    composition: Composition, upstream: Upstream, stopwatch: Stopwatch
) -> None:
    def rebuild() -> str:
        composition.compose("stop", "intake")
        command = ("prepare", "python", "-m", "infra.docker.as_owner", "intake", "rebuild")
        said = composition.compose("run", "--rm", "-T", *command)
        composition.start("intake")
        return said

    with stopwatch.timed("intake's read models are told again"):
        assert await asyncio.to_thread(rebuild)
        await composition.ready()
    await require_whole(upstream, PARTS[-1])


async def test_new_containers_on_the_same_volumes_go_on_where_the_old_ones_stopped(
    composition: Composition, upstream: Upstream, stopwatch: Stopwatch
) -> None:
    await asyncio.to_thread(composition.remove_containers)
    with stopwatch.timed("up again with data"):
        await composition.up()
    await Load(upstream, share_of("all containers")).run(lambda: asyncio.sleep(0))
    report = await require_whole(upstream, "all containers")
    stopwatch.seconds["records in the ledger"] = report["records"]


async def test_in_the_end_every_invariant_of_the_system_holds(
    composition: Composition, upstream: Upstream
) -> None:
    await upstream.settle()
    await asyncio.to_thread(composition.write_logs)
    everything_holds(await upstream.evidence())
