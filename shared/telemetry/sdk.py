"""What is set up of OpenTelemetry's SDK: the resource, the sampler of batches, the exporter by the OTEL_… variables."""

import os
from collections.abc import Sequence
from functools import cached_property

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes


def resource_of(service: str) -> Resource:
    """By OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; `service` without a name there."""
    named = Resource.create(
        {"service.name": os.environ.get("OTEL_SERVICE_NAME") or service, "service.namespace": "rahnama"}
    )
    return _HashedOnce(named.attributes, named.schema_url)


class _HashedOnce(Resource):
    """A resource never changes, yet its hash is that of its JSON, computed for every span that is exported."""

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()

    def __hash__(self) -> int:
        return self._hash


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


def span_exporter() -> SpanExporter | None:
    """By OTLP when an endpoint is set, else None."""
    get = os.environ.get
    wanted = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or get("OTEL_EXPORTER_OTLP_ENDPOINT")
    disabled = get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not wanted or disabled or get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return None
    protocol = (
        get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    )
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc

        return OverGrpc()
    if protocol != "http/protobuf":
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}; known are http/protobuf and grpc")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp

    return OverHttp()
