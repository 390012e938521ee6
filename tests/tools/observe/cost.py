"""What telemetry costs one batch, in this process alone: `python -m tests.tools.observe.cost`.

A batch of 500 records passes what allocation does for it beside its own work: the spans of its records, decisions
and sending, and the metrics. Printed is CPU time a batch: with traces turned off, with 1 % of the records sampled, and
with all of them. A sampled run ends with its spans encoded for OTLP, as the exporter's thread would do it.
"""

import asyncio
import os
import time
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from shared.inbox.metrics import APPLIED, ConsumerMetrics
from shared.relay.metrics import DURATION, SENT
from shared.telemetry import (
    AppendSpans,
    Consumed,
    Poll,
    Portion,
    Telemetry,
    attributes_of,
    begin_send,
    current_poll,
    is_sampled,
)
from shared.telemetry.metrics import exposition

RECORDS = 500
PARTITIONS = 8
BATCHES = 400


class Encoding(SpanExporter):
    """Encodes as OTLP does, and sends nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


def contexts(one_in: int) -> list[str]:
    """Traceparents of a batch, of which one in so many is sampled; 0 for none."""
    return [
        f"00-{number + 1:032x}-{number + 1:016x}-0{int(one_in > 0 and number % one_in == 0)}"
        for number in range(RECORDS)
    ]


def trace(telemetry: Telemetry, given: list[str]) -> None:
    """The spans of one batch on its way through allocation."""
    portions = [Portion("rahnama.intake", number, RECORDS // PARTITIONS) for number in range(PARTITIONS)]
    carried = []
    with (
        AppendSpans(telemetry, "rahnama.allocation") as appended,
        Consumed(telemetry, portions) as consumed,
    ):
        for offset, traceparent in enumerate(given):
            if is_sampled(traceparent):
                span = consumed.process("rahnama.intake", offset % 8, offset, "intake-00-1", traceparent)
                if span is not None:
                    deciding = telemetry.begin("decide", span.traceparent)
                    if deciding is not None:
                        deciding.end()
                    traceparent = appended.begin(span.traceparent, offset % 8, "rahnama.allocation")
            carried.append(traceparent)
    for number in range(PARTITIONS):
        part = carried[number::PARTITIONS]
        sent = begin_send(telemetry, "rahnama.allocation", number, part, len(part))
        if sent is not None:
            sent.end()


def count(metrics: ConsumerMetrics) -> None:
    """The metrics of the same batch."""
    metrics.received([("rahnama.intake", RECORDS)])
    metrics.processed(["rahnama.intake"], 0.02, None)
    for _ in range(PARTITIONS):
        APPLIED.add(RECORDS // PARTITIONS, {"source": "intake"})
        labels = attributes_of("send", "send", "rahnama.allocation")
        DURATION.record(0.005, labels)
        SENT.add(RECORDS // PARTITIONS, labels)


def microseconds(batches: int, begun: float) -> float:
    """Of this process's CPU a batch, all threads."""
    return (time.process_time() - begun) / batches * 1e6


async def main() -> None:
    """Prints one line for each."""
    os.environ["OTEL_TRACES_SAMPLER"] = "parentbased_traceidratio"
    os.environ["OTEL_TRACES_SAMPLER_ARG"] = "0"
    current_poll.set(Poll("rahnama.allocation", time.time_ns(), time.time_ns()))
    for words, one_in in (("traces off", 0), ("traces, 1 % sampled", 100), ("traces, all sampled", 1)):
        telemetry = (
            Telemetry() if one_in == 0 else Telemetry.start("cost", processor=BatchSpanProcessor(Encoding()))
        )
        given = contexts(one_in)
        batches = BATCHES // 10 if one_in == 1 else BATCHES
        begun = time.process_time()
        for _ in range(batches):
            trace(telemetry, given)
        telemetry.stop()
        print(f"{words:<22}{microseconds(batches, begun):10.0f} µs a batch of {RECORDS}")
    metrics = ConsumerMetrics("rahnama.allocation")
    begun = time.process_time()
    for _ in range(BATCHES):
        count(metrics)
    print(f"{'metrics':<22}{microseconds(BATCHES, begun):10.0f} µs a batch of {RECORDS}")
    begun = time.process_time()
    for _ in range(20):
        exposition()
    print(f"{'one scrape':<22}{microseconds(20, begun):10.0f} µs")


if __name__ == "__main__":
    asyncio.run(main())
