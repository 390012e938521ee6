"""schemathesis' command line, against one running service."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.local.home import REPOSITORY

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
PHASES: Final = ("examples", "coverage", "fuzzing")
SECONDS: Final = 600.0
"""At most, for one service."""
REQUEST_SECONDS: Final = 30
KNOWN: Final = "known.json"
"""Beside the document: ids that exist, by the name of the parameter."""


async def run_schemathesis(
    url: str, document: Path, token: str, *, examples: int, seed: int, output: Path | None = None
) -> int:
    """Its exit code: 0 only if every check held. Raises `TimeoutError`; what it leaves lies beside the document."""
    arguments = [
        "run", os.fspath(document),
        "--url", url,
        "--checks", ",".join(CHECKS),
        "--phases", ",".join(PHASES),
        "--max-examples", str(examples),
        "--request-timeout", str(REQUEST_SECONDS),
        "--seed", str(seed),
        "--workers", "1",
        "--continue-on-failure",
        "--suppress-health-check", "all",
        "--no-color",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": os.fspath(REPOSITORY),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.api.hooks",
        "RAHNAMA_FUZZ_KNOWN": os.fspath(document.with_name(KNOWN)),
        "RAHNAMA_FUZZ_TOKEN": token,
    }
    printed = None if output is None else output.open("wb")
    program = Path(sys.executable).with_name("schemathesis")
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            cwd=document.parent,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    finally:
        if printed is not None:
            printed.close()
    try:
        async with asyncio.timeout(SECONDS):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
