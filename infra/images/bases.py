"""Base images of Debian packages alone: a file system made by mmdebstrap becomes an image without a registry."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from infra.images.engine import has_image, import_tar
from infra.local.errors import LocalError, ToolMissingError

SUITE: Final = "bookworm"
BASES: Final = {
    "PYTHON_IMAGE": ("python3", "ca-certificates"),
    "BUILD_IMAGE": ("python3", "python3-pip", "ca-certificates"),
    "JAVA_IMAGE": ("openjdk-17-jre-headless",),
}
"""Setting in offline.env → what is installed besides Debian's essential packages; apt itself stays outside."""

_OPTIONS: Final = (
    "--variant=essential",
    "--dpkgopt=force-unsafe-io",
    '--customize-hook=find "$1"/usr/share/doc -type f ! -name copyright -delete',
    '--customize-hook=rm -rf "$1"/usr/share/man/* "$1"/usr/share/info/* "$1"/usr/share/locale/* "$1"/var/log/*',
    # Where this machine fetches its packages is nobody's business elsewhere.
    '--customize-hook=rm -rf "$1"/etc/apt/sources.list*',
)
_SECONDS: Final = 1800


def ensure_base(setting: str, image: str, folder: Path) -> None:
    """Make the image unless the engine has it; its archive is kept in `folder`. Raises LocalError.

    `DEBIAN_MIRROR` names another source of packages than Debian's own.
    """
    packages = BASES[setting]
    fingerprint = hashlib.sha256(repr((SUITE, packages, _OPTIONS)).encode()).hexdigest()[:12]
    tagged = f"{image}-{fingerprint}"
    if has_image(tagged) and has_image(image):
        return
    tar = folder / f"{setting.lower()}-{fingerprint}.tar"
    if not tar.exists():
        _make(tar, packages)
    import_tar(tar, image)
    import_tar(tar, tagged)


def _make(tar: Path, packages: tuple[str, ...]) -> None:
    if shutil.which("mmdebstrap") is None:
        raise ToolMissingError(
            "mmdebstrap is needed to make the base images (Debian: apt install mmdebstrap)."
        )
    fresh = tar.with_name(f".{os.getpid()}-{tar.name}")
    mirror = os.environ.get("DEBIAN_MIRROR")
    command = ["mmdebstrap", *_OPTIONS, f"--include={','.join(packages)}", SUITE, str(fresh)]
    try:
        done = subprocess.run(
            [*command, *([mirror] if mirror else [])],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            end = "\n".join(done.stderr.splitlines()[-15:])
            raise LocalError(f"mmdebstrap failed for {', '.join(packages)}:\n{end}")
        fresh.rename(tar)
    finally:
        fresh.unlink(missing_ok=True)
