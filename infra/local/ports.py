"""Ports on the loopback address: free ones where nobody needs to know them, clear errors for the others."""

import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from infra.local.errors import LocalError, PortTakenError
from infra.services import SERVICES

LOOPBACK = "127.0.0.1"


QUIET_PORTS = range(20_000, 32_000)
"""Below those from which systems take one for each outgoing connection (Linux: from 32,768 on)."""
_TRIES = 1000


def free_ports(count: int) -> list[int]:
    """So many different ports that were free a moment ago, and that no outgoing connection is given meanwhile."""
    held: dict[int, socket.socket] = {}
    try:
        for _ in range(_TRIES):
            if len(held) == count:
                return list(held)
            port = random.choice(QUIET_PORTS)  # noqa: S311 - no secret
            probe = socket.socket()
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                probe.close()
            else:
                held[port] = probe
        raise LocalError(
            f"no {count} free ports were found from {QUIET_PORTS.start} to {QUIET_PORTS.stop - 1}"
        )
    finally:
        for probe in held.values():
            probe.close()


def is_free(port: int) -> bool:
    """True if a server could listen there now. A closed connection in TIME_WAIT does not count as taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free(port: int, wanted_by: str, setting: str | None = None) -> None:
    """Raises PortTakenError, with the name of the holder where the system tells it."""
    if not is_free(port):
        raise PortTakenError(port, wanted_by, holder_of(port), setting)


def holder_of(port: int) -> str | None:
    """`name (pid 123)` of the listener, or None where we may not look."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
                continue
            if connection.laddr[1] == port:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return None
    return None


def accepts(port: int) -> bool:
    """True if something answers a TCP connection there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


USUAL = {**{service.name: service.port for service in SERVICES}, "kafka": 9092}
"""The documented ports, by part."""


@dataclass(frozen=True)
class SystemPorts:
    """The ports that people and programs know. Postgres' and the Kafka controller's are nobody's business."""

    by_part: Mapping[str, int]
    settings: bool = False  # whether variables named them, and can move them

    @classmethod
    def from_environment(cls) -> "SystemPorts":
        """The documented ones, or what `RAHNAMA_INTAKE_PORT` … say."""
        numbers = {}
        for name, usual in USUAL.items():
            text = os.environ.get(port_setting(name)) or str(usual)
            if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
                raise LocalError(f"{port_setting(name)}={text!r}: give a number from 1 to 65535")
            numbers[name] = int(text)
        return cls(numbers, settings=True)

    @classmethod
    def free(cls) -> "SystemPorts":
        """Any, for the demo and tests."""
        return cls(dict(zip(USUAL, free_ports(len(USUAL)), strict=True)))

    def of(self, part: str) -> int:
        """By the part's name."""
        return self.by_part[part]

    def setting(self, part: str) -> str | None:
        """The variable that moves the part's port, if one does."""
        return port_setting(part) if self.settings else None

    def require_free(self) -> None:
        """All looked at before anything starts."""
        for part in self.by_part:
            require_free(self.of(part), part, self.setting(part))


def port_setting(part: str) -> str:
    """`intake` → `RAHNAMA_INTAKE_PORT`."""
    return f"RAHNAMA_{part.upper()}_PORT"
