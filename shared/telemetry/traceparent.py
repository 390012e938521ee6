"""The W3C `traceparent`: the one piece of trace context that the logs, Kafka and HTTP carry.

Trace Context, level 1 (W3C Recommendation, 2021-11-23), section 3.2. What Rahnama writes is always version 00
and has 55 characters: `00-<trace id>-<span id>-<00 | 01>`.
"""

import os
import re
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

KNOWN_CONTEXTS: Final = 1_024
"""A sampled record's context is asked for again as the parent of what follows and as a link."""

_KNOWN: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_LENGTH: Final = 55
_MAX_LENGTH: Final = 512
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_ODD: Final = frozenset("13579bdf")

current_traceparent: ContextVar[str | None] = ContextVar("current_traceparent", default=None)
"""The context that log lines are written in."""


def accept_traceparent(value: str | bytes | None) -> str | None:
    """A traceparent from outside, as version 00; None when there is none or it is not valid."""
    if not value or len(value) > _MAX_LENGTH:
        return None
    text = value if isinstance(value, str) else value.decode("latin-1")
    if _KNOWN.match(text) is None or not _fits_its_version(text):
        return None
    if text[3:35] == _NO_TRACE or text[36:52] == _NO_SPAN:
        return None
    if text.startswith("00-") and text[53] == "0" and text[54] in "01":
        return text
    return f"00-{text[3:52]}-0{1 if is_sampled(text[:_LENGTH]) else 0}"


def _fits_its_version(text: str) -> bool:
    """Version 00 ends after the flags; a later one may go on after a dash; ff is forbidden."""
    if text.startswith("ff"):
        return False
    return len(text) == _LENGTH or (not text.startswith("00") and text[_LENGTH] == "-")


def is_sampled(traceparent: str) -> bool:
    """Whether a traceparent asks for its spans to be recorded. One that is cut asks for nothing."""
    return traceparent[54:55] in _ODD


def trace_id(traceparent: str) -> str:
    """The 32 hex digits that all spans of a trace share."""
    return traceparent[3:35]


def span_id(traceparent: str) -> str:
    """The 16 hex digits of the span itself."""
    return traceparent[36:52]


def unsampled_traceparent() -> str:
    """A new context whose spans are not recorded: random, and cheap."""
    digits = os.urandom(24).hex()
    return f"00-{digits[:32]}-{digits[32:]}-00"


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
    """The traceparent that names a span to its successors."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-0{1 if context.trace_flags.sampled else 0}"
