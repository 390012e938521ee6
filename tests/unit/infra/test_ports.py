"""Ports: free ones differ, a taken one is named with its holder and the way out."""

import os
import socket
from collections.abc import Iterator

import pytest

from infra.local.errors import LocalError, PortTakenError
from infra.local.ports import LOOPBACK, QUIET_PORTS, SystemPorts, free_ports, is_free, require_free


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_free_ports_are_all_different_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)
    assert all(port in QUIET_PORTS for port in ports)


def test_a_taken_port_is_an_error_that_names_it_its_holder_and_the_setting(taken_port: int) -> None:
    with pytest.raises(PortTakenError) as caught:
        require_free(taken_port, "intake", "RAHNAMA_INTAKE_PORT")
    message = str(caught.value)
    assert f"Port {taken_port} is needed by intake" in message
    assert f"(pid {os.getpid()}) listens on it" in message
    assert "set RAHNAMA_INTAKE_PORT to a free port" in message


def test_the_documented_ports_are_used_unless_the_environment_moves_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for part in ("INTAKE", "ALLOCATION", "AUDIT", "KAFKA"):
        monkeypatch.delenv(f"RAHNAMA_{part}_PORT", raising=False)
    monkeypatch.setenv("RAHNAMA_AUDIT_PORT", "9003")
    ports = SystemPorts.from_environment()
    assert ports.by_part == {"intake": 8001, "allocation": 8002, "audit": 9003, "kafka": 9092}


@pytest.mark.parametrize("text", ["0", "65536", "-1", "eight", "8001 "])
def test_a_port_that_is_no_port_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("RAHNAMA_KAFKA_PORT", text)
    with pytest.raises(LocalError, match="RAHNAMA_KAFKA_PORT"):
        SystemPorts.from_environment()
