"""What the images are called: offline.env beside this file says it, and Compose reads the same file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("offline.env")


def image_names() -> dict[str, str]:
    """The settings of offline.env."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def service_image(names: Mapping[str, str], service: str) -> str:
    """As docker-compose.yml calls it."""
    return f"{names['RAHNAMA_IMAGE']}/{service}:{names['RAHNAMA_VERSION']}"
