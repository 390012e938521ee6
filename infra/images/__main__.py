"""`make images-offline`: builds every image from Debian packages, wheels and Maven's jars, without a registry.

Names are those of offline.env beside this file; what was fetched is kept in RAHNAMA_HOME/images.
"""

import asyncio
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from infra.images import bases, engine, material
from infra.images.names import image_names, service_image
from infra.local.errors import LocalError
from infra.local.home import REPOSITORY, Home
from infra.local.jars import ensure_jars
from infra.services import NAMES

HERE: Final = Path(__file__).parent
DOCKERFILES: Final = REPOSITORY / "infra" / "docker"


def main() -> int:
    """Exit code 0 when every image stands."""
    try:
        version = engine.require_engine()
        say(f"engine {version}")
        build_all(Home.from_environment())
    except LocalError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


def build_all(home: Home) -> None:
    """In the order in which they stand on each other."""
    names = image_names()
    folder = home.root / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for setting in bases.BASES:
        _step(names[setting], partial(bases.ensure_base, setting, names[setting], folder))
    say("wheels, jars, binaries of Postgres …")
    wheels = material.ensure_wheels(folder)
    postgres = material.ensure_postgres(folder)
    jars = asyncio.run(ensure_jars(home))
    with _context(folder) as context:
        _servers(names, context, postgres, jars)
    with _context(folder) as context:
        _services(names, context, wheels)


def say(text: str) -> None:
    """Progress goes to standard error."""
    print(f"images: {text}", file=sys.stderr, flush=True)


def _servers(names: Mapping[str, str], context: Path, postgres: Path, jars: Path) -> None:
    for name, setting, base, material_name, source in (
        ("kafka", "KAFKA_IMAGE", "JAVA_IMAGE", "libs", jars),
        ("postgres", "POSTGRES_IMAGE", "PYTHON_IMAGE", "site", postgres),
    ):
        folder = context / name
        shutil.copytree(HERE / name, folder)
        shutil.copytree(source, folder / material_name, ignore=shutil.ignore_patterns("__pycache__"))
        _build(names[setting], folder / "Dockerfile", folder, {base: names[base]})


def _services(names: Mapping[str, str], context: Path, wheels: Path) -> None:
    for part in ("requirements", "shared", "services", "infra"):
        shutil.copytree(REPOSITORY / part, context / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(wheels, context / "requirements" / "wheels")
    arguments = {
        "PYTHON_IMAGE": names["PYTHON_IMAGE"],
        "BUILD_IMAGE": names["BUILD_IMAGE"],
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "requirements/wheels",
    }
    prepare = service_image(names, "prepare")
    _build(prepare, DOCKERFILES / "prepare.Dockerfile", context, arguments)
    for service in NAMES:
        _build(
            service_image(names, service),
            DOCKERFILES / "Dockerfile",
            context,
            {**arguments, "SERVICE": service},
        )
    traces = HERE / "traces"
    _build(names["LGTM_IMAGE"], traces / "Dockerfile", traces, {"PREPARE_IMAGE": prepare})


def _build(image: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
    _step(image, partial(engine.build, image, dockerfile, context, arguments))


def _step(image: str, work: Callable[[], None]) -> None:
    start = time.monotonic()
    work()
    say(f"{image:<36} {engine.megabytes(image):>4} MB, {time.monotonic() - start:.0f} s")


@contextmanager
def _context(folder: Path) -> Iterator[Path]:
    context = folder / "context"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    try:
        yield context
    finally:
        shutil.rmtree(context, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())
