"""On what was measured: the machine, the versions of what ran, the commit."""

import importlib.metadata
import os
import platform
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psutil

from infra.local.supervisor import versions
from tests.provenance import commit

REFERENCE_STEPS: Final = 100_000
PACKAGES: Final = (
    "aiokafka",
    "asyncpg",
    "cryptography",
    "fastapi",
    "msgspec",
    "opentelemetry-sdk",
    "uvicorn",
    "uvloop",
)


def describe() -> dict[str, Any]:
    """`machine`, `versions`, `commit` and `taken_at` of a report."""
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "load_before": round(os.getloadavg()[0], 2),
        },
        "versions": {**versions(), **{name: importlib.metadata.version(name) for name in PACKAGES}},
    }


def reference_ms() -> float:
    """CPU that a fixed piece of plain Python takes here and now: on a busy machine more than on a quiet one.

    Figures of two runs can be compared only as far as this one is the same.
    """
    begun, found = time.process_time(), {}
    for number in range(REFERENCE_STEPS):
        found[number % 1024] = sha256(str(number).encode()).digest()
    return round((time.process_time() - begun) * 1000, 1)


def processor() -> str:
    """The processor's name as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
