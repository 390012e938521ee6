"""What Prometheus sees of the inbox. Nothing here costs anything per record."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

HELD: Final = Gauge(
    "rahnama_inbox_held", "1 while a partition cannot go on and a person must look.", ["source", "partition"]
)
LAG: Final = Gauge(
    "rahnama_inbox_lag", "Records on the topic that are not applied yet.", ["source", "partition"]
)
APPLIED: Final = Counter("rahnama_inbox_applied_records", "Records that were applied.", ["source"])
RETRIED: Final = Counter(
    "rahnama_inbox_retried", "Times that a partition was taken back to be tried again.", ["source"]
)
BATCH: Final = Histogram(
    "rahnama_inbox_batch_records",
    "Records of one poll.",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000),
)
