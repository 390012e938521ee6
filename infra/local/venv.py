"""Makes the virtual environment in `RAHNAMA_HOME/venv`: `python3.11 infra/local/venv.py`.

Run by the Python that the machine has, before anything is installed, so it uses the standard library alone. What is
installed is fixed by hash; a stamp over everything that could change it makes a second run instant.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK_FILE = REPOSITORY / "requirements" / "dev.txt"
DISTRIBUTIONS = ("shared", "services/intake", "services/allocation", "services/audit")
_SECONDS = 1800


def main() -> int:
    """Exit code 0 when the environment fits the lock file."""
    named = os.environ.get("RAHNAMA_HOME")
    home = Path(named).expanduser().resolve() if named else REPOSITORY / ".rahnama"
    home.mkdir(parents=True, exist_ok=True)
    venv, stamp, log = home / "venv", home / "venv" / "rahnama.stamp", home / "venv.log"
    with (home / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second finds everything done
        wanted = fingerprint()
        if stamp.exists() and stamp.read_text() == wanted:
            return 0
        say("installing the pinned packages (once; a minute or two) …")
        stamp.unlink(missing_ok=True)
        try:
            python = ensure_environment(venv, log)
            install(python, log)
        except subprocess.CalledProcessError as error:
            say(f"failed: {' '.join(map(str, error.cmd[:6]))} … ; the end of {log}:")
            say("\n".join(log.read_text(errors="replace").splitlines()[-15:]))
            return 1
        stamp.write_text(wanted)
        say("ready.")
    return 0


def say(text: str) -> None:
    """Progress goes to standard error; what a command prints stays clean."""
    print(f"venv: {text}", file=sys.stderr, flush=True)


def fingerprint() -> str:
    """Changes with the locked packages, the distributions' own metadata, this file, Python and the place."""
    digest = hashlib.sha256(f"{sys.version} {REPOSITORY}".encode())
    for file in (
        LOCK_FILE,
        Path(__file__),
        *(REPOSITORY / name / "pyproject.toml" for name in DISTRIBUTIONS),
    ):
        digest.update(file.read_bytes() if file.exists() else b"-")
    return digest.hexdigest()


def ensure_environment(venv: Path, log: Path) -> list[str]:
    """The command that runs pip for `venv`. Debian's Python has no ensurepip: then the machine's own pip serves."""
    python = venv / "bin" / "python"
    if python.exists() and not runs(
        [str(python), "-c", f"import sys; assert sys.version_info[:2] == {(3, 11)}"]
    ):
        shutil.rmtree(venv)  # made by a Python that has gone
    if not python.exists():
        has_ensurepip = runs([sys.executable, "-c", "import ensurepip"])
        without = [] if has_ensurepip else ["--without-pip"]
        call([sys.executable, "-m", "venv", *without, str(venv)], log)
    if runs([str(python), "-m", "pip", "--version"]):
        return [str(python), "-m", "pip"]
    if runs([sys.executable, "-m", "pip", "--python", str(python), "--version"]):
        return [sys.executable, "-m", "pip", "--python", str(python)]
    say("pip is missing. Install it for this Python (Debian: apt install python3-venv python3-pip).")
    raise SystemExit(1)


def install(pip: list[str], log: Path) -> None:
    """The locked packages by hash, then our four distributions, editable and built without a network."""
    quiet = ["install", "--quiet", "--disable-pip-version-check", "--no-input"]
    call([*pip, *quiet, "--require-hashes", "-r", str(LOCK_FILE)], log)
    present = [name for name in DISTRIBUTIONS if (REPOSITORY / name / "pyproject.toml").exists()]
    editable = [part for name in present for part in ("-e", str(REPOSITORY / name))]
    call([*pip, *quiet, "--no-deps", "--no-build-isolation", *editable], log)


def runs(command: list[str]) -> bool:
    """True if the command ends with 0."""
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def call(command: list[str], log: Path) -> None:
    """Output to the log only."""
    with log.open("ab") as output:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=_SECONDS, check=True
        )


if __name__ == "__main__":
    raise SystemExit(main())
