"""docker-compose.yml, brought up under a name and on ports of its own, and asked as a running system is."""

import asyncio
import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import httpx

from infra.images.names import image_names
from infra.local.databases import ServiceDatabase, describe_databases
from infra.local.errors import LocalError
from infra.local.home import REPOSITORY
from infra.local.ports import LOOPBACK, free_ports
from infra.services import NAMES

PARTS: Final = (*NAMES, "kafka", "postgres")
FILES: Final = (REPOSITORY / "docker-compose.yml", Path(__file__).with_name("ports.yml"))
COMMAND_SECONDS: Final = 600
READY_SECONDS: Final = 180
_SETTINGS: Final = {
    **{name: f"RAHNAMA_{name.upper()}_PORT" for name in PARTS},
    "lgtm": "RAHNAMA_GRAFANA_PORT",
}


class Composition:
    """What tests of a running system ask for, answered by containers: `urls`, `kafka_bootstrap`, `database`, `token`.

    RAHNAMA_CONTAINER_IMAGES=registry takes the images that docker-compose.yml names; else those built offline.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is started yet; keys and logs are written to `folder`."""
        self.folder = folder
        self.offline = os.environ.get("RAHNAMA_CONTAINER_IMAGES", "offline") == "offline"
        self.project = f"rahnama-test-{secrets.token_hex(3)}"
        self._ports = dict(zip(_SETTINGS, free_ports(len(_SETTINGS)), strict=True))
        self._password = secrets.token_hex(16)
        self._tokens: dict[str, str] = {}
        self._environment = {
            **os.environ,
            **(image_names() if self.offline else {}),
            **{_SETTINGS[name]: str(port) for name, port in self._ports.items()},
            "POSTGRES_PASSWORD": self._password,
        }

    @property
    def urls(self) -> dict[str, str]:
        """By service, without a slash at the end."""
        return {service: f"http://{LOOPBACK}:{self._ports[service]}" for service in NAMES}

    @property
    def kafka_bootstrap(self) -> str:
        """Of the listener for clients outside of the containers."""
        return f"{LOOPBACK}:{self._ports['kafka']}"

    def database(self, service: str) -> ServiceDatabase:
        """As seen from this machine."""
        admin = f"postgresql://postgres:{self._password}@{LOOPBACK}:{self._ports['postgres']}/postgres"
        return describe_databases(admin).of(service)

    def token(self, role: str) -> str:
        """Of the containers' own issuer, whose key stays in its volume."""
        if role not in self._tokens:
            command = (
                "run",
                "--rm",
                "--no-deps",
                "-T",
                "prepare",
                "python",
                "-m",
                "infra.docker.token",
                role,
            )
            self._tokens[role] = self.compose(*command).strip()
        return self._tokens[role]

    async def up(self) -> None:
        """Returns when every service says that it is ready."""
        build = () if self.offline else ("--build",)
        await asyncio.to_thread(self.compose, "up", "--detach", "--no-color", *build)
        await self.ready()
        key = self.folder / "keys" / "master.key"
        key.parent.mkdir(exist_ok=True)
        key.write_text(await asyncio.to_thread(self.execute, "intake", "cat", "/secrets/master.key"))

    def remove_containers(self) -> None:
        """Ends and removes them; the data stays."""
        self.compose("stop", "--timeout", "20")
        self.compose("rm", "--force", "--volumes")

    def down(self) -> None:
        """Removes everything, and all data."""
        self.compose("down", "--timeout", "20", "--volumes")

    async def ready(self) -> None:
        """Returns when every service answers `/readyz` with 200, as a caller outside sees it."""
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            for service, url in self.urls.items():
                while True:
                    try:
                        if (await client.get(f"{url}/readyz")).status_code == 200:
                            break
                    except httpx.TransportError:
                        pass
                    if time.monotonic() > deadline:
                        raise LocalError(
                            f"{service} was not ready in {READY_SECONDS} s\n{self.logs(service)[-2000:]}"
                        )
                    await asyncio.sleep(0.2)

    def compose(self, *arguments: str) -> str:
        """Standard output of `docker compose …`; raises LocalError with its words when it fails."""
        files = [part for file in FILES for part in ("--file", str(file))]
        return self._run(["docker", "compose", "--project-name", self.project, *files, *arguments])

    def start(self, part: str) -> None:
        """The container as it is; Compose would run `prepare` again before."""
        self._run(["docker", "start", self._container(part)])

    def inspect(self, part: str) -> dict[str, Any]:
        """The engine's own knowledge of a container."""
        [told] = json.loads(self._run(["docker", "inspect", self._container(part)]))
        assert isinstance(told, dict)
        return told

    def _container(self, part: str) -> str:
        return self.compose("ps", "--all", "--quiet", part).strip()

    def execute(self, part: str, *command: str) -> str:
        """What a command says inside of a container."""
        return self.compose("exec", "-T", part, *command)

    def logs(self, part: str) -> str:
        """All that it printed."""
        return self.compose("logs", "--no-color", "--no-log-prefix", part)

    def write_logs(self) -> None:
        """What every part printed, in files where tests look for them."""
        for part in PARTS:
            file = self.folder / ("logs" if part in NAMES else part) / f"{part}.log"
            file.parent.mkdir(exist_ok=True)
            file.write_text(self.logs(part))

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            end = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
            raise LocalError(f"{' '.join(command[:2])} … {' '.join(command[-4:])} failed:\n{end}")
        return done.stdout
