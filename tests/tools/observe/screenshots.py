"""Pictures of the dashboards, from the answers that `make observe-test` has kept: `python -m tests.tools.observe.screenshots`.

The panels are Grafana's own components, drawn by a page (`tests/tools/observe/grafana`) that reads the dashboards' files and
lays them out; Chromium takes the pictures. No Grafana server takes part.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.local.errors import LocalError, ToolMissingError
from infra.local.home import Home
from tests.tools.bench.reports import folder_of
from tests.tools.observe.answers import folder_of_answers

PROJECT: Final = Path(__file__).with_name("grafana")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Exit code 0 when every dashboard has its picture."""
    parser = argparse.ArgumentParser(prog="make screenshots")
    parser.add_argument("--table", action="store_true", help="into docs/reports")
    arguments = parser.parse_args()
    try:
        draw(folder_of(docs=arguments.table))
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def draw(folder: Path) -> None:
    """Writes `dashboard-<name>.png` for each dashboard whose answers are kept."""
    node, npm, browser = tool("node"), tool("npm"), tool(*BROWSERS)
    answers = folder_of_answers()
    if not list(answers.glob("*.json")):
        raise LocalError("There are no answers of Prometheus to draw; make observe-test keeps them.")
    run(node, str(built_page(npm) / "shoot.mjs"), browser, str(answers), str(folder))


def tool(*names: str) -> str:
    """Where the first of these programs is that the machine has."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise ToolMissingError(
            f"{names[0]} is missing: screenshots need Node 20.11 or later, npm and Chromium."
        )
    return found


def built_page(npm: str) -> Path:
    """The folder with the page in `dist`: a copy below RAHNAMA_HOME, where npm may put its packages."""
    folder = Home.from_environment().root / "screenshots"
    shutil.rmtree(folder / "src", ignore_errors=True)
    shutil.copytree(
        PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "dist")
    )
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / "rahnama.stamp"
    if not stamp.exists() or stamp.read_text() != lock:
        print("installing the pinned packages of the page (once; some minutes, 500 MB) …", flush=True)
        run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)
        stamp.write_text(lock)
    run(npm, "run", "--silent", "build", cwd=folder)
    return folder


def run(*command: str, cwd: Path | None = None) -> None:
    """Its output is the user's."""
    if subprocess.run(command, cwd=cwd, check=False).returncode:
        raise LocalError(f"{' '.join(command)} has failed.")


if __name__ == "__main__":
    sys.exit(main())
