"""Traces and logs: W3C trace context carried through the logs, OpenTelemetry spans, JSON lines.

telemetry = Telemetry.start("intake")
with telemetry.record_span("process rahnama.inbound", traceparent, SpanKind.CONSUMER) as carried:
    …                                    # `carried` is what the next service gets
telemetry.stop()
"""

from opentelemetry.trace import SpanKind

from shared.telemetry.logs import configure_logging, described
from shared.telemetry.messaging import (
    AppendSpans,
    Consumed,
    Poll,
    Portion,
    attributes_of,
    begin_send,
    current_poll,
)
from shared.telemetry.traceparent import (
    accept_traceparent,
    current_traceparent,
    is_sampled,
    trace_id,
    unsampled_traceparent,
)
from shared.telemetry.tracing import Attributes, OpenSpan, Telemetry

__all__ = [
    "AppendSpans",
    "Attributes",
    "Consumed",
    "OpenSpan",
    "Poll",
    "Portion",
    "SpanKind",
    "Telemetry",
    "accept_traceparent",
    "attributes_of",
    "begin_send",
    "configure_logging",
    "current_poll",
    "current_traceparent",
    "described",
    "is_sampled",
    "trace_id",
    "unsampled_traceparent",
]
