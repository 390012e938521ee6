"""OpenTelemetry spans, made only for what is sampled, exported by OTLP only when an endpoint is set.

Configured by the standard variables: OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT),
OTEL_EXPORTER_OTLP_PROTOCOL (`http/protobuf`, the default, or `grpc`), OTEL_TRACES_SAMPLER(_ARG),
OTEL_TRACES_EXPORTER=none, OTEL_SERVICE_NAME, OTEL_BSP_… and OTEL_SDK_DISABLED.
"""

import threading
from collections.abc import Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import Final, Protocol

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer

from shared.telemetry.metrics import start_metrics
from shared.telemetry.sdk import FollowsLinks, resource_of, span_exporter
from shared.telemetry.traceparent import (
    current_traceparent,
    is_sampled,
    parent_context,
    span_context,
    traceparent_of,
    unsampled_traceparent,
)

STOP_SECONDS: Final = 3.0
"""Longest wait for the last spans to be exported."""

Attributes = Mapping[str, str | int | float | bool]


class OpenSpan:
    """A span that is being recorded; `traceparent` names it, so that the next one becomes its child."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: Span) -> None:
        self._span = span
        self.traceparent = traceparent_of(span.get_span_context())

    def rename(self, name: str) -> None:
        """For a span whose name is known only later."""
        self._span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        """Adds attributes. Never personal data."""
        self._span.set_attributes(attributes)

    def link(self, traceparent: str) -> None:
        """Points to a span of another trace, which need not be sampled."""
        context = span_context(traceparent)
        if context is not None:
            self._span.add_link(context)

    def end(
        self, error: BaseException | None = None, *, failed: bool = False, at_ns: int | None = None
    ) -> None:
        """Ends the span, now or at `at_ns`. Of an error only its type is kept: its message may repeat personal data."""
        if error is not None:
            self._span.set_attribute("error.type", type(error).__name__)
        if error is not None or failed:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end(at_ns)


class RecordedSpan(Protocol):
    """A context manager that gives the traceparent to hand on."""

    def __enter__(self) -> str: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class _NotRecorded:
    __slots__ = ("_traceparent",)

    def __init__(self, traceparent: str) -> None:
        self._traceparent = traceparent

    def __enter__(self) -> str:
        return self._traceparent

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        return None


class _Recorded:
    __slots__ = ("_span", "_token")

    def __init__(self, span: OpenSpan) -> None:
        self._span = span
        self._token: Token[str | None] | None = None

    def __enter__(self) -> str:
        self._token = current_traceparent.set(self._span.traceparent)
        return self._span.traceparent

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._token is not None:
            current_traceparent.reset(self._token)
        self._span.end(error)


class Telemetry:
    """One service's spans. Without an exporter none are made, and traceparents are handed on unchanged."""

    def __init__(self, provider: TracerProvider | None = None, exporter: SpanExporter | None = None) -> None:
        self._provider = provider
        self._exporter = exporter
        self._tracer: Tracer | None = provider.get_tracer("rahnama") if provider else None
        # A sampler that follows the parent never samples below one that is not: then nothing need be asked.
        self._parent_decides = provider is not None and isinstance(provider.sampler, FollowsLinks)

    @classmethod
    def start(cls, service: str, *, processor: SpanProcessor | None = None) -> "Telemetry":
        """Reads the OTEL_… variables once, and begins to measure. `processor` replaces the exporter."""
        resource = resource_of(service)
        start_metrics(resource)
        exporter = None
        if processor is None:
            exporter = span_exporter()
            if exporter is None:
                return cls()
            processor = BatchSpanProcessor(exporter)
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        if isinstance(provider.sampler, ParentBased):
            provider.sampler = FollowsLinks(provider.sampler)
        provider.add_span_processor(processor)
        return cls(provider, exporter)

    def stop(self) -> None:
        """Exports what is left, for at most `STOP_SECONDS`. Blocks for as long."""
        provider, self._provider, self._tracer = self._provider, None, None
        if provider is None:
            return
        ending = threading.Thread(target=provider.shutdown, name="telemetry-stop", daemon=True)
        ending.start()
        ending.join(STOP_SECONDS)
        if ending.is_alive() and self._exporter is not None:
            self._exporter.shutdown()  # nobody collects: ends the wait before the next try, and its thread
            ending.join(STOP_SECONDS)

    @property
    def is_recording(self) -> bool:
        """Whether any span can be recorded."""
        return self._tracer is not None

    def begin(
        self,
        name: str,
        traceparent: str | None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        *,
        links: Sequence[str] = (),
        start_ns: int | None = None,
    ) -> OpenSpan | None:
        """Starts a span, the child of `traceparent`, or a root without a valid one; None when it is not sampled.

        `links` are traceparents; `start_ns` is nanoseconds since 1970, for what began before it was known to be
        sampled. For batches: begin before the transaction, `end()` after the commit.
        """
        tracer = self._tracer
        if tracer is None or (
            traceparent is not None and self._parent_decides and not is_sampled(traceparent)
        ):
            return None
        linked = [Link(context) for link in links if (context := span_context(link)) is not None]
        span = tracer.start_span(name, parent_context(traceparent), kind, attributes, linked, start_ns)
        return OpenSpan(span) if span.is_recording() else None

    def record_span(
        self,
        name: str,
        traceparent: str | None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
    ) -> RecordedSpan:
        """Records what happens inside as a span, and gives the traceparent to hand on.

        That is the span's own if it is sampled, else `traceparent` unchanged, or a new one where there was none.
        """
        if self._tracer is None or (
            traceparent is not None and self._parent_decides and not is_sampled(traceparent)
        ):
            return _NotRecorded(traceparent or unsampled_traceparent())
        span = self.begin(name, traceparent, kind, attributes)
        return _NotRecorded(traceparent or unsampled_traceparent()) if span is None else _Recorded(span)
