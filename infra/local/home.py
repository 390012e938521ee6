"""Where everything that Rahnama writes on this machine lives: one folder, ignored by git."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.local.errors import LocalError

REPOSITORY = Path(__file__).resolve().parents[2]
KAFKA_FILES = REPOSITORY / "infra" / "kafka"
POSTGRES_FILES = REPOSITORY / "infra" / "postgres"


@dataclass(frozen=True)
class Home:
    """`RAHNAMA_HOME`, or `.rahnama` in the repository."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """The home that the user named, as an absolute path."""
        named = os.environ.get("RAHNAMA_HOME")
        return cls(Path(named).expanduser().resolve() if named else REPOSITORY / ".rahnama")

    @property
    def kafka_libs(self) -> Path:
        """Kafka's jars; fetched once and shared by everything below."""
        return self.root / "kafka" / "libs"

    @property
    def up(self) -> Path:
        """What `make up` keeps between runs."""
        return self.root / "up"

    @property
    def demo(self) -> Path:
        """What `make demo` uses; wiped at its start."""
        return self.root / "demo"

    @contextmanager
    def only_demo(self) -> Iterator[None]:
        """One demo at a time, for each wipes the folder; the kernel lets go of the lock when its holder dies."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "demo.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalError("Another make demo runs here. Wait for its end, or stop it.") from None
            yield

    @contextmanager
    def scratch_folder(self, purpose: str) -> Iterator[Path]:
        """A new, empty folder for one run of something that keeps nothing; removed at the end.

        What a run left that was killed is removed by the next one.
        """
        for left in (self.root / purpose).glob("*-*"):
            owner = left.name.partition("-")[0]
            if owner.isdigit() and not psutil.pid_exists(int(owner)):
                shutil.rmtree(left, ignore_errors=True)
        folder = self.root / purpose / f"{os.getpid()}-{secrets.token_hex(3)}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
