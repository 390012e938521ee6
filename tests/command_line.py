"""`make up`, `status`, `down` and the others as a user types them, with the real services, in a folder of their own."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.home import REPOSITORY, Home
from infra.local.ports import SystemPorts, port_setting
from infra.local.state import State, read_state


class CommandLine:
    """`make` with ports and data of its own, and nothing on standard input unless given."""

    def __init__(self, root: Path) -> None:
        ports = SystemPorts.free()
        self.up = Home(root).up
        self.environment = {**os.environ, "RAHNAMA_HOME": str(root)}
        for part in ports.by_part:
            self.environment[port_setting(part)] = str(ports.of(part))

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Its output arrives through pipes: it ends only if nothing that stays running holds them."""
        return subprocess.run(
            ["make", "--no-print-directory", *arguments],
            input=stdin, capture_output=True, text=True, timeout=120, check=False,
            cwd=REPOSITORY, env=self.environment,
        )  # fmt: skip

    def state(self) -> State:
        state = read_state(self.up)
        assert state is not None
        return state

    def wait_for_new_process(self, part: str, old_pid: int) -> None:
        deadline = time.monotonic() + 30
        while self.state().stages[part] != "ready" or self.state().processes[part].pid == old_pid:
            assert time.monotonic() < deadline, self.state()
            time.sleep(0.05)


@contextmanager
def new_command_line() -> Iterator[CommandLine]:
    """Everything that it has started is stopped at the end."""
    home = Home.from_environment()
    with home.scratch_folder("tests") as root:
        home.kafka_libs.parent.mkdir(parents=True, exist_ok=True)
        (root / "kafka").symlink_to(home.kafka_libs.parent)  # the jars are shared, and so are the packages
        (root / "venv").symlink_to(home.root / "venv")
        cli = CommandLine(root)
        try:
            yield cli
        finally:
            cli.run("down")
