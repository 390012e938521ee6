"""Kafka's jars: brought once by Maven, checked against pinned hashes, then used without a network."""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.local.errors import JarsDifferError, ToolMissingError
from infra.local.home import KAFKA_FILES, Home
from infra.local.process import run_to_end

_MAVEN_SECONDS = 600
_LOCK_SECONDS = 660
_OLDEST_JAVA = 17


async def ensure_jars(home: Home) -> Path:
    """The folder with exactly the pinned jars. Two processes may ask at once; one of them fetches."""
    libs = home.kafka_libs
    if _differences(libs):
        async with _exclusive(libs.with_name("libs.lock")):
            if _differences(libs):
                await _fetch(libs)
    return libs


async def _fetch(libs: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ToolMissingError(
            "Apache Maven (mvn) is needed once to bring Kafka's jars; install it (package `maven`)."
        )
    fresh = libs.with_name(f"libs.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        await run_to_end(
            "kafka jars by maven",
            [
                maven, "--quiet", "--batch-mode", "--file", KAFKA_FILES / "pom.xml",
                "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}",
            ],
            environment=os.environ,
            log=libs.with_name("maven.log"),
            seconds=_MAVEN_SECONDS,
        )  # fmt: skip
        if differences := _differences(fresh):
            raise JarsDifferError(
                "Maven brought other jars than infra/kafka/jars.sha256 names: " + ", ".join(differences)
            )
        shutil.rmtree(libs, ignore_errors=True)
        fresh.rename(libs)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _differences(libs: Path) -> list[str]:
    """File names that are missing, too many or other bytes than pinned."""
    pinned = {}
    for line in (KAFKA_FILES / "jars.sha256").read_text().splitlines():
        digest, name = line.split()
        pinned[name] = digest
    present = {file.name for file in libs.iterdir()} if libs.is_dir() else set()
    wrong = present ^ pinned.keys()
    for name in present & pinned.keys():
        if hashlib.sha256((libs / name).read_bytes()).hexdigest() != pinned[name]:
            wrong.add(name)
    return sorted(wrong)


@asynccontextmanager
async def _exclusive(path: Path) -> AsyncIterator[None]:
    """One process at a time; the kernel lets go of the lock when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        async with asyncio.timeout(_LOCK_SECONDS):
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.2)
        yield


def find_java() -> str:
    """The path of a Java new enough for Kafka 4; `JAVA_HOME` goes before `PATH`."""
    java_home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{java_home}/bin") if java_home else None
    java = java or shutil.which("java")
    wanted = f"Java {_OLDEST_JAVA} or newer is needed to run Kafka"
    if java is None:
        raise ToolMissingError(f"{wanted}; none was found. Install one (package `openjdk-17-jre-headless`).")
    answer = subprocess.run(
        [java, "-version"], capture_output=True, text=True, timeout=30, check=False
    ).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', answer)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        found = answer.splitlines()[0] if answer.strip() else "nothing that answers"
        raise ToolMissingError(f"{wanted}; found {found} at {java}. Set JAVA_HOME to a newer one.")
    return java
