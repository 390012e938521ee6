"""Where spans go: by OTLP over HTTP or gRPC, as the standard OTEL_… variables say."""

import os

from opentelemetry.sdk.trace.export import SpanExporter


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
