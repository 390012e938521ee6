"""What lists the services in a format of its own lists those of the registry."""

import re

import pytest

from infra.local.home import REPOSITORY
from infra.services import LOGS, NAMES, SERVICES, Service


def text(path: str) -> str:
    return (REPOSITORY / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_the_compose_file_runs_it_at_its_port(service: Service) -> None:
    block = re.search(rf"^  {service.name}:\n((?:    .*\n|\n)+)", text("docker-compose.yml"), re.MULTILINE)
    assert block is not None
    published = f"127.0.0.1:${{RAHNAMA_{service.name.upper()}_PORT:-{service.port}}}:{service.port}"
    assert f'ports: ["{published}"]' in block[1]
    assert re.search(rf"RAHNAMA_PORT: {service.port}\b", block[1])


def test_prometheus_reads_every_one() -> None:
    scraped = re.findall(
        r"job_name: (\w+)\n(?:    .*\n)*?.*targets: \[\"(.*)\"\]", text("infra/prometheus/prometheus.yml")
    )
    assert {(service.name, f"{service.name}:{service.port}") for service in SERVICES} <= set(scraped)


def test_every_one_has_its_folder() -> None:
    assert {path.parent.name for path in (REPOSITORY / "services").glob("*/app.py")} == set(NAMES)


def test_only_logs_are_read() -> None:
    assert {source for service in SERVICES for source in service.reads} <= set(LOGS)
