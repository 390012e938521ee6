"""What a system has before its services start; and one that cannot start says why before anything runs."""

import socket

import pytest

from infra.local.errors import PortTakenError
from infra.local.home import Home
from infra.local.ports import LOOPBACK, SystemPorts
from infra.local.quotas import DEFAULT, FOREIGN, SERVICES, UNLIMITED, QuotaAdmin, Quotas
from infra.local.system import System


async def test_a_taken_port_is_named_before_anything_is_started() -> None:
    home = Home.from_environment()
    with socket.socket() as listener, home.scratch_folder("tests") as folder:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        taken = listener.getsockname()[1]
        ports = SystemPorts({**SystemPorts.free().by_part, "allocation": taken}, settings=True)
        system = System(home, folder, ports)
        with pytest.raises(PortTakenError, match=f"Port {taken} .* allocation.*RAHNAMA_ALLOCATION_PORT"):
            await system.start()
        assert not any(part.running for part in system.parts.values())
        assert not (folder / "postgres" / "data").exists()


async def test_its_kafka_has_quotas_before_any_service_starts() -> None:
    home = Home.from_environment()
    expected: dict[str | None, Quotas] = {DEFAULT: FOREIGN, **dict.fromkeys(SERVICES, UNLIMITED)}
    with home.scratch_folder("tests") as folder:
        system = System(home, folder, SystemPorts.free())
        try:
            await system.start(services=False)
            admin = QuotaAdmin(bootstrap_servers=system.kafka_bootstrap)
            await admin.start()
            try:
                assert await admin.quotas() == expected
            finally:
                await admin.close()
        finally:
            await system.stop()
