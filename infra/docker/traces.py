"""Takes traces on port 4318 (OTLP over HTTP) and writes each span as a line of JSON, for where there is no Grafana."""

import json
import signal
import sys
from typing import Final

from infra.otel.collector import Collector

PORT: Final = 4318
WAIT_SECONDS: Final = 1.0


def main() -> None:
    """Runs until SIGTERM; what the collector has no room for is not written."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    written = 0
    with Collector("0.0.0.0", PORT) as collector:  # noqa: S104 - in a container of its own
        while True:
            seen = written
            collector.wait_for(lambda spans: len(spans) > seen, WAIT_SECONDS)  # noqa: B023 - called in this turn only
            for span in collector.spans()[written:]:
                print(
                    json.dumps({"service": span.service, "name": span.name, "trace_id": span.trace_id}),
                    flush=True,
                )
                written += 1


if __name__ == "__main__":
    main()
