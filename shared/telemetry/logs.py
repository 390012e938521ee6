"""Structured logs: one JSON object a line on standard output, with the trace's id where there is one.

An exception is told by its type and where it was raised. Its message is kept only for Rahnama's own errors and
the operating system's: others (a database's, a validator's) repeat values, which may be personal data.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from shared.errors import RahnamaError
from shared.telemetry.traceparent import current_traceparent, span_id, trace_id

_MAX_FRAMES: Final = 12
_MAX_CAUSES: Final = 4
SPARED: Final = "aiokafka"
SPARE_SECONDS: Final = 10.0
MOST_SPARED: Final = 1000


class Sparing(logging.Filter):
    """Of each line that a Kafka client writes, the first in 10 s, with how many were left out before it.

    Without a broker aiokafka writes a hundred lines a second, and ten times as many under load.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if not record.name.startswith(SPARED):
            return True
        key, now = (record.name, str(record.msg)), self._clock()
        told_at, left_out = self._told.get(key, (now - SPARE_SECONDS, 0))
        if now - told_at < SPARE_SECONDS:
            self._told[key] = told_at, left_out + 1
            return False
        if len(self._told) >= MOST_SPARED:
            self._told.clear()
        self._told[key] = now, 0
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} times before)", ()
        return True


def configure_logging(service: str, level: str = "INFO") -> None:
    """Our own lines from `level` up; those of libraries (uvicorn, aiokafka, FastStream, …) from WARNING."""

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared_steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
        _add_trace,
        _tell_error,
    ]
    structlog.configure(
        processors=[*shared_steps, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _first_line, *shared_steps],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    handler.addFilter(Sparing())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "aiokafka", "faststream"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.WARNING)


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    traceparent = current_traceparent.get()
    if traceparent is not None:
        event.setdefault("trace_id", trace_id(traceparent))
        event.setdefault("span_id", span_id(traceparent))
    return event


def _first_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """asyncio and others print exceptions, messages and all, below the first line."""
    event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _tell_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()[1]
    elif isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        event["error"] = described(given)
    return event


def described(error: BaseException) -> dict[str, object]:
    """An exception for a log line: its type, where it was raised, what caused it; a message if it is safe."""
    told: dict[str, object] = {"type": type(error).__name__, "frames": _frames(error.__traceback__)}
    if isinstance(error, RahnamaError | OSError):
        told["message"] = str(error)
    if state := getattr(error, "sqlstate", None):
        told["sqlstate"] = state
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < _MAX_CAUSES:
        causes.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    if causes:
        told["causes"] = causes
    return told


def _frames(trace: TracebackType | None) -> list[str]:
    """The innermost frames, outermost first."""
    found = traceback.extract_tb(trace)[-_MAX_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in found]
