"""Every query of every panel and alert, asked of a real Prometheus that watches the system at work."""

import asyncio
import json
import math
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from infra.demo.cohort import CohortSize, Event, make_cohort
from infra.local.home import REPOSITORY
from tests.e2e.conftest import upstream_of_new_system
from tests.e2e.people import event, student
from tests.e2e.upstream import Upstream
from tests.tools.observe.answers import filled_in, folder_of_answers, keep_answers
from tests.tools.observe.prometheus import Prometheus, binaries, configuration, run, running_prometheus

DASHBOARDS: Final = sorted((REPOSITORY / "infra" / "grafana" / "dashboards").glob("*.json"))
LOAD_SECONDS: Final = float(os.environ.get("RAHNAMA_OBSERVE_SECONDS", "60"))
PAUSE_SECONDS: Final = 0.2
PIECE: Final = 10
UNREACHABLE: Final = {
    "intake": "/v1/students?min_position=intake:0:999999999",
    "allocation": "/v1/waitlist?min_position=allocation:0:999999999",
    "audit": "/v1/records?min_position=audit:0:999999999",
}
COMPARISON: Final = re.compile(r"^(?P<query>.*) [<>] [0-9.e+]+$", re.DOTALL)


class Work:
    """Students by both doors, some of them wrong, and now and then a question that fails; until it is stopped."""

    def __init__(self, upstream: Upstream, students: Iterator[Event]) -> None:
        self._upstream = upstream
        self._students = students
        self._wrong = 0

    async def go_on(self) -> None:
        while True:
            await self._upstream.post([*self._next(PIECE), self._a_wrong_one()])
            await self._upstream.produce_events(self._next(PIECE // 2))
            await asyncio.sleep(PAUSE_SECONDS)

    async def ask_too_much(self) -> None:
        """Requests that end with 503: they want to see what never comes."""
        while True:
            for service, path in UNREACHABLE.items():
                answer = await self._upstream.client.get(f"{self._upstream.urls[service]}{path}")
                assert answer.status_code in (400, 422, 503), answer.text

    def _next(self, count: int) -> list[Event]:
        return [next(self._students) for _ in range(count)]

    def _a_wrong_one(self) -> Event:
        self._wrong += 1
        return event("student.registered", f"wrong {self._wrong}", student(self._wrong, reg_center=9))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """A Prometheus that has watched the whole system at work for a while, and still does."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    cohort = make_cohort(seed=5, size=CohortSize(students=20_000, mentors=100, managers=5))
    async with upstream_of_new_system() as upstream:
        token = folder / "metrics.token"
        token.write_text(upstream.system.token("metrics"))
        config = folder / "prometheus.yml"
        config.write_text(configuration(upstream.urls, token))
        run(str(binaries() / "promtool"), "check", "config", str(config))
        async with running_prometheus(config, folder) as prometheus:
            await upstream.send_again(cohort.reference)
            work = Work(upstream, iter(cohort.students))
            tasks = [asyncio.create_task(work.go_on()), asyncio.create_task(work.ask_too_much())]
            try:
                await asyncio.sleep(LOAD_SECONDS / 2)
                assert (await upstream.verify())["verified"]
                await asyncio.sleep(LOAD_SECONDS / 2)
                yield prometheus
                assert not [task for task in tasks if task.done()], "the load has ended before the questions"
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def panel_queries() -> list[tuple[str, str]]:
    """Every panel's queries, with Grafana's interval filled in."""
    found = []
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                name = f"{file.stem}: {panel['title']} {target['refId']}"
                found.append((name, filled_in(target["expr"])))
    return found


async def rules(prometheus: Prometheus) -> list[dict[str, Any]]:
    """The alerts as Prometheus has read them."""
    groups = (await prometheus.get("rules"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


async def test_all_three_services_are_read(watched: Prometheus) -> None:
    targets = (await watched.get("targets"))["activeTargets"]
    assert {target["labels"]["job"]: target["health"] for target in targets} == {
        "intake": "up",
        "allocation": "up",
        "audit": "up",
    }


async def test_no_query_of_a_panel_is_empty_under_load(watched: Prometheus) -> None:
    queries = panel_queries()
    assert len(DASHBOARDS) == 5
    assert len(queries) > 50
    empty = [
        f"{name}: {expression}"
        for name, expression in queries
        if not [value for value in await watched.values(expression) if not math.isnan(value)]
    ]
    assert not empty, "\n".join(empty)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda file: file.stem)
async def test_every_panel_has_a_line(watched: Prometheus, dashboard: Path) -> None:
    empty = await keep_answers(watched, dashboard, folder_of_answers(), LOAD_SECONDS)
    assert not empty


async def test_no_query_of_an_alert_is_empty_under_load(watched: Prometheus) -> None:
    found = await rules(watched)
    assert len(found) > 10
    for rule in found:
        assert rule["health"] == "ok", rule
        parts = COMPARISON.match(rule["query"])
        assert parts is not None, f"{rule['name']} is no query with one comparison behind it"
        values = await watched.values(parts["query"])
        assert [value for value in values if not math.isnan(value)], f"{rule['name']}: {parts['query']}"


async def test_nothing_is_alarming_about_a_system_at_work(watched: Prometheus) -> None:
    assert await watched.values('ALERTS{alertstate="firing"}') == []
