"""A metric that is not answered is an error, never 0: a counter that went from nothing to nothing shows nothing."""

from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random
from threading import Thread
from types import SimpleNamespace
from typing import cast

import pytest

from infra.local.ports import free_ports
from tests.faults import metrics
from tests.faults.fault_context import Expected, FaultContext
from tests.faults.trial_environment import TrialEnvironment

NAME = "rahnama_http_connections_refused_total"
PAGE = f'{NAME}{{reason="a"}} 2.0\n{NAME}{{reason="b"}} 3.0\n{NAME}_created 7.0\n'


class Answers(BaseHTTPRequestHandler):
    """The statuses of `left` in turn, then 200 and the page."""

    left: list[int]

    def do_GET(self) -> None:
        status = self.left.pop(0) if self.left else 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(PAGE.encode() if status == 200 else b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[FaultContext]:
    """A context whose intake answers the parameter's statuses first."""
    Answers.left = list(cast(Sequence[int], request.param))
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ground_at(server.server_port)
        server.shutdown()
        thread.join()


def ground_at(port: int) -> FaultContext:
    instances = {"intake": SimpleNamespace(url=f"http://127.0.0.1:{port}")}
    proxied = SimpleNamespace(instances=instances, token=lambda role: role)
    return FaultContext(cast(TrialEnvironment, SimpleNamespace(proxied=proxied)), Random(1), [])


@pytest.mark.parametrize("service", [[], [503, 429]], indirect=True)
async def test_a_metric_is_summed_over_its_labels_and_asked_for_again(service: FaultContext) -> None:
    assert await service.metric(NAME, "intake") == 5


@pytest.mark.parametrize("service", [[]], indirect=True)
async def test_a_metric_without_a_sample_in_the_answer_is_0(service: FaultContext) -> None:
    assert await service.metric("rahnama_relay_leads", "intake") == 0


@pytest.mark.parametrize("service", [[401] * 100], indirect=True)
async def test_a_refusal_is_no_reading(service: FaultContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "ANSWER_SECONDS", 0.3)
    with pytest.raises(Expected, match="the status 401"):
        await service.metric(NAME, "intake")


async def test_a_service_that_is_not_there_has_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "ANSWER_SECONDS", 0.3)
    with pytest.raises(Expected, match=r"intake did not answer with its metrics: .*ConnectError"):
        await ground_at(free_ports(1)[0]).metric(NAME, "intake")
