"""Between the `traceparent` that travels and the contexts that OpenTelemetry takes."""

from functools import lru_cache
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from shared.telemetry.traceparent import accept_traceparent, is_sampled

KNOWN_CONTEXTS: Final = 1_024
"""A sampled record's context is asked for again as the parent of what follows and as a link."""


def parent_context(traceparent: str | None) -> Context:
    """With that span as the current one; empty without a valid traceparent."""
    parent = span_context(traceparent)
    return Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())


@lru_cache(maxsize=KNOWN_CONTEXTS)
def span_context(traceparent: str | None) -> SpanContext | None:
    """Of a span elsewhere; None without a valid traceparent."""
    if accept_traceparent(traceparent) is None or traceparent is None:
        return None
    flags = TraceFlags(TraceFlags.SAMPLED if is_sampled(traceparent) else TraceFlags.DEFAULT)
    return SpanContext(
        int(traceparent[3:35], 16), int(traceparent[36:52], 16), is_remote=True, trace_flags=flags
    )


def traceparent_of(context: SpanContext) -> str:
    """What names a span to whoever comes next."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-0{1 if context.trace_flags.sampled else 0}"
