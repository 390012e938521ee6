"""Logs: JSON lines with the trace, libraries from WARNING up, and no message that may hold a value."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.errors import Fork
from shared.telemetry import configure_logging, current_traceparent
from shared.telemetry.logs import Sparing

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
SECRET = "1332073689"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is of the whole process: put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines()]


def test_a_line_is_one_json_object_with_service_time_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("intake", "INFO")
    before = current_traceparent.set(TRACEPARENT)
    structlog.get_logger().info("partition_held", partition=3, reason="شکاف")
    current_traceparent.reset(before)
    structlog.get_logger().info("without")
    first, second = lines(capsys)
    assert first.pop("timestamp")
    assert first == {
        "event": "partition_held",
        "level": "info",
        "partition": 3,
        "reason": "شکاف",
        "service": "intake",
        "trace_id": TRACEPARENT[3:35],
        "span_id": TRACEPARENT[36:52],
    }
    assert not {"trace_id", "span_id"} & set(second)


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("intake", "warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


@pytest.mark.parametrize(
    "name", ["uvicorn.error", "uvicorn.access", "aiokafka.consumer", "faststream", "other"]
)
def test_libraries_write_the_same_lines_from_warning_up(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    configure_logging("audit")
    logging.getLogger(name).info("quiet")
    logging.getLogger(name).warning("lost %s", "node 1")
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["level"], line["service"]) == (
        "lost node 1",
        name,
        "warning",
        "audit",
    )


def test_an_exception_is_told_by_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("intake")
    for log in (structlog.get_logger(), logging.getLogger("aiokafka")):
        try:
            try:
                int(SECRET + "x")
            except ValueError as error:
                raise KeyError(SECRET) from error
        except KeyError:
            log.exception("failed")
    written = capsys.readouterr().out
    assert SECRET not in written
    for line in map(json.loads, written.splitlines()):
        assert line["event"] == "failed"
        assert line["error"]["type"] == "KeyError"
        assert line["error"]["causes"] == ["ValueError"]
        assert "test_an_exception_is_told" in line["error"]["frames"][-1]
        assert "message" not in line["error"]


def test_our_own_errors_keep_their_message(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("audit")
    structlog.get_logger().error("held", exc_info=Fork("intake", 3, 17, "another hash"))
    (line,) = lines(capsys)
    error = line["error"]
    assert isinstance(error, dict)
    assert error["message"] == "partition 3 of intake is held at sequence 17: another hash"


def test_what_asyncio_tells_of_a_lost_exception_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("intake")
    with asyncio.Runner() as runner:
        context = {"message": "Task exception was never retrieved", "exception": ValueError(SECRET)}
        runner.get_loop().call_exception_handler({**context, "future": f"<Task exception={SECRET}>"})
    written = capsys.readouterr().out
    assert SECRET not in written
    assert json.loads(written)["event"] == "Task exception was never retrieved"


def test_a_kafka_client_repeats_itself_once_in_ten_seconds_and_others_as_they_like(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("intake", "INFO")
    client = logging.getLogger("aiokafka.consumer.fetcher")
    now = [0.0]
    [handler] = logging.getLogger().handlers
    handler.filters[:] = [Sparing(lambda: now[0])]
    for _ in range(100):
        client.error("Unable connect to node with id %s: %s", 1, "refused")
        logging.getLogger("other").error("again")
    client.error("another line")
    now[0] = 10.0
    client.error("Unable connect to node with id %s: %s", 1, "refused")
    told = [line["event"] for line in lines(capsys)]
    assert told.count("again") == 100
    assert [line for line in told if line != "again"] == [
        "Unable connect to node with id 1: refused",
        "another line",
        "Unable connect to node with id 1: refused (and 99 times before)",
    ]
