"""A collector of traces: an HTTP server that takes OTLP (protobuf) and keeps the spans in memory.

What it takes is read when somebody asks for it: on one machine with the services it costs them as little as it can.

with Collector() as collector:
    start services with collector.environment()
    collector.wait_for(lambda spans: len({span.service for span in spans}) == 3, seconds=5)
"""

import gzip
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, NamedTuple, Self

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

MAX_SPANS: Final = 200_000
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
EXPORT_DELAY_MILLISECONDS: Final = 200
_READ_SECONDS: Final = 10
_POLL_SECONDS: Final = 0.05
_PATH: Final = "/v1/traces"
_PROTOBUF: Final = "application/x-protobuf"

AttributeValue = str | int | float | bool | bytes | None


class CollectedSpan(NamedTuple):
    """One span. Ids are lower-case hex, `parent_id` empty for a root; `kind` is SERVER, CONSUMER, INTERNAL, …

    `links` are trace and span ids of others.
    """

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    attributes: Mapping[str, AttributeValue]
    start_ns: int
    end_ns: int
    failed: bool
    links: Sequence[tuple[str, str]]


class Collector:
    """Listens on a free loopback port from construction; a context manager that stops it at the end."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._unread: list[ExportTraceServiceRequest] = []
        self._spans: list[CollectedSpan] = []
        self._count = 0
        self._grown = threading.Condition()
        self._server = _Server((host, port), self)
        self.endpoint = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="collector", daemon=True
        )
        self._thread.start()

    def environment(self) -> dict[str, str]:
        """The OTEL_… variables with which a service exports to this collector, soon after a span has ended."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": str(EXPORT_DELAY_MILLISECONDS),
        }

    def spans(self) -> list[CollectedSpan]:
        """All spans so far, as they arrived."""
        with self._grown:
            return list(self._read())

    def trace(self, trace_id: str) -> list[CollectedSpan]:
        """The spans of one trace by their start."""
        return sorted(
            (span for span in self.spans() if span.trace_id == trace_id), key=lambda span: span.start_ns
        )

    def wait_for(self, enough: Callable[[Sequence[CollectedSpan]], bool], seconds: float) -> bool:
        """Blocks until `enough(spans)`, at most `seconds`; returns whether it came true."""
        with self._grown:
            return self._grown.wait_for(lambda: enough(self._read()), timeout=seconds)

    def stop(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def keep(self, request: ExportTraceServiceRequest) -> int:
        """Adds a request's spans, which are read when somebody asks; returns how many found no room."""
        count = sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
        with self._grown:
            kept = min(count, MAX_SPANS - self._count)
            if kept:
                self._unread.append(request)
            self._count += kept
            self._grown.notify_all()
        return count - kept

    def _read(self) -> list[CollectedSpan]:
        """All that is kept. Only with the lock held."""
        read = [span for request in self._unread for span in read_spans(request)]
        self._spans += read[: self._count - len(self._spans)]
        self._unread.clear()
        return self._spans

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def read_spans(request: ExportTraceServiceRequest) -> list[CollectedSpan]:
    """The spans of an export request (opentelemetry-proto, trace/v1)."""
    return [
        _read_span(service, span)
        for resource in request.resource_spans
        for service in [str(_attributes(resource.resource.attributes).get("service.name", ""))]
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _read_span(service: str, span: Span) -> CollectedSpan:
    return CollectedSpan(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        attributes=_attributes(span.attributes),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, AttributeValue]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> AttributeValue:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bool_value":
            return value.bool_value
        case "bytes_value":
            return value.bytes_value
        case None:
            return None
        case _:
            return str(value)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], collector: Collector) -> None:
        super().__init__(address, _Handler)
        self.collector = collector


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _READ_SECONDS

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if self.path != _PATH or not 0 < length <= MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(404 if self.path != _PATH else 413, b"")
            return
        body = self.rfile.read(length)
        try:
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
        except (DecodeError, OSError, EOFError, zlib.error):
            self._answer(400, b"")
            return
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = self.server.collector.keep(request)
        self._answer(200, answer.SerializeToString())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", _PROTOBUF)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged."""
