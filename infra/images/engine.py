"""The container engine, by its command line."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra.local.errors import LocalError, ToolMissingError

_ASK_SECONDS = 30
_WORK_SECONDS = 1800


def require_engine() -> str:
    """The version of the engine that answers; raises LocalError with the way out otherwise."""
    if shutil.which("docker") is None:
        raise ToolMissingError("The command `docker` is needed (Debian: apt install docker.io).")
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True, text=True, timeout=_ASK_SECONDS, check=False,
    )  # fmt: skip
    if asked.returncode != 0:
        where = os.environ.get("DOCKER_HOST", "the usual socket")
        raise LocalError(
            f"No container engine answers at {where}; docs/containers.md tells how to start one."
        )
    return asked.stdout.strip()


def has_image(image: str) -> bool:
    """Whether the engine holds it already."""
    asked = subprocess.run(
        ["docker", "image", "inspect", image], capture_output=True, timeout=_ASK_SECONDS, check=False
    )
    return asked.returncode == 0


def import_tar(tar: Path, image: str) -> None:
    """An image with the files of `tar` and no settings."""
    _run(["docker", "import", str(tar), image])


def build(image: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
    """Builds without a network: what the Dockerfile installs lies in the context."""
    given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    _run(
        ["docker", "build", "--quiet", "--network", "none", "--tag", image, "--file", str(dockerfile), *given,
         str(context)]
    )  # fmt: skip


def megabytes(image: str) -> int:
    """Its size with all layers, in MB."""
    asked = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Size}}", image],
        capture_output=True, text=True, timeout=_ASK_SECONDS, check=True,
    )  # fmt: skip
    return int(asked.stdout) // 1_000_000


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_WORK_SECONDS, check=False)
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise LocalError(f"{' '.join(command[:2])} failed for {command[-1]}:\n{end}")
