"""A real Prometheus from its Debian package, unpacked below RAHNAMA_HOME and never installed."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from infra.local.home import REPOSITORY, Home
from infra.local.ports import LOOPBACK, free_ports

FILES: Final = REPOSITORY / "infra" / "prometheus"
FETCH_SECONDS: Final = 300
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10
POLL_SECONDS: Final = 0.1


def binaries() -> Path:
    """The folder with `prometheus` and `promtool`; fetched once, by `apt-get download`."""
    home = Home.from_environment().root / "prometheus"
    found = home / "usr" / "bin"
    if (found / "promtool").exists():
        return found
    unpacked = home.with_name("prometheus.new")
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir(parents=True)
    run("apt-get", "download", "prometheus", cwd=unpacked)
    [package] = unpacked.glob("prometheus_*.deb")
    run("dpkg", "-x", str(package), str(unpacked), cwd=unpacked)
    package.unlink()
    unpacked.rename(home)
    return found


def run(*command: str, cwd: Path = REPOSITORY) -> str:
    """What a command prints. Raises with all of it when it fails."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def configuration(urls: Mapping[str, str], token_file: Path) -> str:
    """`infra/prometheus/prometheus.yml` as it is, for other addresses, and scraping every other second."""
    text = (FILES / "prometheus.yml").read_text(encoding="utf-8")
    replacements = {
        "scrape_interval: 10s": "scrape_interval: 2s",
        "scrape_timeout: 10s": "scrape_timeout: 2s",
        "evaluation_interval: 5s": "evaluation_interval: 2s",
        "rules/*.yml": f"{FILES}/rules/*.yml",
        "/etc/prometheus/metrics.token": str(token_file),
        **{
            f'"{service}:{port}"': f'"{urls[service].removeprefix("http://")}"'
            for service, port in (("intake", 8001), ("allocation", 8002), ("audit", 8003))
        },
    }
    for old, new in replacements.items():
        assert old in text, f"{old} is not in prometheus.yml any more"
        text = text.replace(old, new)
    return text


class Prometheus:
    """A running server, as far as tests ask it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer of its API."""
        answer = await self._client.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, f"{parameters}: {answer.text}"
        return answer.json()["data"]

    async def values(self, expression: str) -> list[float]:
        """The numbers of an instant query, one for each series."""
        found = (await self.get("query", query=expression))["result"]
        return [float(series["value"][1]) for series in found]

    async def is_ready(self) -> bool:
        """Whether it answers queries yet."""
        try:
            return (await self._client.get("/-/ready")).status_code == 200
        except httpx.TransportError:
            return False


@asynccontextmanager
async def running_prometheus(config: Path, folder: Path) -> AsyncIterator[Prometheus]:
    """A server with this configuration; ended after the block."""
    [port] = free_ports(1)
    address = f"{LOOPBACK}:{port}"
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            binaries() / "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'prometheus-data'}",
            f"--web.listen-address={address}",
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
            prometheus = Prometheus(client)
            async with asyncio.timeout(START_SECONDS):
                while not await prometheus.is_ready():
                    assert process.returncode is None, log.read_text()
                    await asyncio.sleep(POLL_SECONDS)
            yield prometheus
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
