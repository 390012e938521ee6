"""Ports on the loopback address: free ones where nobody needs to know them, clear errors for the others."""

import socket

import psutil

from infra.local.errors import PortTaken

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """So many different ports that were free a moment ago."""
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            probe = socket.socket()
            held.append(probe)
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in held]
    finally:
        for probe in held:
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
    """Raises PortTaken, with the name of the holder where the system tells it."""
    if not is_free(port):
        raise PortTaken(port, wanted_by, holder_of(port), setting)


def holder_of(port: int) -> str | None:
    """`name (pid 123)` of the listener, or None where we may not look."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return None
    return None


def accepts(port: int) -> bool:
    """True if something answers a TCP connection there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0
