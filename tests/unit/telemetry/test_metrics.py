"""Metrics as Prometheus reads them: standard names and units, and gauges that are asked only when somebody looks."""

from weakref import ref

import pytest
from opentelemetry.sdk.resources import Resource
from prometheus_client.parser import text_string_to_metric_families

from shared.inbox.metrics import ConsumerMetrics
from shared.telemetry.metrics import Observed, Values, counter, exposition, histogram, start_metrics

COUNTED = counter("rahnama.sample.things", "{thing}", "For tests.")
LASTED = histogram("rahnama.sample.duration", "s", "For tests.", (0.1, 1))
STANDS = Observed("rahnama.sample.stands", "{thing}", "For tests.")


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_METRICS_EXPORTER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    start_metrics(Resource.get_empty())


def samples(name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The values of one series by their labels, as the text has them."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition().decode())
        for sample in family.samples
        if sample.name == name
    }


def test_a_counter_is_shown_before_anything_was_counted() -> None:
    COUNTED.add(0, {"kind": "never"})
    assert samples("rahnama_sample_things_total")[("kind", "never"),] == 0


def test_a_histogram_has_the_buckets_that_it_was_made_with() -> None:
    LASTED.record(0.5)
    bounds = {dict(labels)["le"] for labels in samples("rahnama_sample_duration_seconds_bucket")}
    assert bounds == {"0.1", "1", "+Inf"}


class Standing:
    """Has one value."""

    def __init__(self, name: str, value: float) -> None:
        self.name = name
        self.value = value
        self.asked = 0

    def tell(self) -> Values:
        self.asked += 1
        return [(self.value, {"of": self.name})]


def test_a_gauge_is_told_by_whoever_watches_and_by_nobody_else() -> None:
    one, two = Standing("one", 1), Standing("two", 2)
    STANDS.watch(one.tell)
    STANDS.watch(one.tell)
    STANDS.watch(two.tell)
    assert samples("rahnama_sample_stands") == {(("of", "one"),): 1, (("of", "two"),): 2}
    assert one.asked == 1
    STANDS.forget(one.tell)
    STANDS.forget(one.tell)
    assert samples("rahnama_sample_stands") == {(("of", "two"),): 2}


def test_whoever_is_gone_tells_no_more_and_is_not_kept() -> None:
    gone = Standing("gone", 1)
    STANDS.watch(gone.tell)
    reference = ref(gone)
    del gone
    assert reference() is None
    assert samples("rahnama_sample_stands") == {}


def test_the_process_tells_its_memory_and_its_cpu() -> None:
    assert samples("process_resident_memory_bytes")[()] > 1_000_000
    assert samples("process_cpu_seconds_total")[()] > 0


def test_starting_twice_shows_everything_once() -> None:
    start_metrics(Resource.get_empty())
    COUNTED.add(1, {"kind": "once"})
    assert samples("rahnama_sample_things_total")[("kind", "once"),] == 1
    assert exposition().count(b"# TYPE rahnama_sample_things_total counter") == 1


def test_an_unknown_exporter_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
    with pytest.raises(ValueError, match="OTEL_METRICS_EXPORTER"):
        start_metrics(Resource.get_empty())


@pytest.fixture
def consumer() -> ConsumerMetrics:
    return ConsumerMetrics("a group of its own")


def test_a_batch_is_measured_by_the_names_of_the_conventions(consumer: ConsumerMetrics) -> None:
    consumer.received([("rahnama.intake", 30), ("rahnama.allocation", 20)])
    consumer.processed(["rahnama.intake"], 0.02, None)
    consumer.processed(["rahnama.intake"], 0.02, TimeoutError("0084575948"))

    def ours(name: str) -> list[tuple[dict[str, str], float]]:
        found = [(dict(labels), value) for labels, value in samples(name).items()]
        return [
            each for each in found if each[0].get("messaging_consumer_group_name") == "a group of its own"
        ]

    consumed = {
        labels["messaging_destination_name"]: (labels["messaging_operation_name"], value)
        for labels, value in ours("messaging_client_consumed_messages_total")
    }
    assert consumed == {"rahnama.intake": ("poll", 30), "rahnama.allocation": ("poll", 20)}
    assert [value for _, value in ours("rahnama_inbox_batch_records_sum")] == [50]
    ended = {
        labels["error_type"]: (labels["messaging_system"], labels["messaging_operation_name"], value)
        for labels, value in ours("messaging_process_duration_seconds_count")
    }
    assert ended == {"": ("kafka", "process", 1), "TimeoutError": ("kafka", "process", 1)}
    assert b"0084575948" not in exposition()
