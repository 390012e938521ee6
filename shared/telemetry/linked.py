"""Whether a batch is recorded: when one of its records is, whatever a ratio would say of the batch itself."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes


class FollowsLinks(Sampler):
    """A parent-based sampler that treats the links of a root as its parents: one that is sampled is enough."""

    def __init__(self, by_parent: ParentBased) -> None:
        self._by_parent = by_parent

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The decision on one span, as OpenTelemetry asks for it."""
        if links and not get_current_span(parent_context).get_span_context().is_valid:
            for link in links:
                if link.context.trace_flags.sampled:
                    return ALWAYS_ON.should_sample(parent_context, trace_id, name, kind, attributes)
        return self._by_parent.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """As OpenTelemetry names samplers."""
        return "FollowsLinks"
