"""`make status` says in one line how far behind a service is, and below it what stands still and why."""

from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from infra.local import status as command
from infra.local.home import Home
from infra.local.state import ProcessMark, State, write_state
from infra.local.status import describe_lag, describe_reasons, published_heads


def test_lag_is_summed_over_partitions_and_by_source() -> None:
    positions = {
        "log": [{"partition": 0, "last": 10, "published": 8}, {"partition": 1, "last": 5, "published": None}],
        "inbox": [
            {"source": "intake", "partition": 0, "applied": 7, "newest": 9},
            {"source": "intake", "partition": 1, "applied": None, "newest": 2},
            {"source": "allocation", "partition": 0, "applied": 4, "newest": None},
        ],
    }
    assert describe_lag(positions) == "log 15, unpublished 7, behind intake by 4, behind allocation by 0"


def test_a_service_without_a_log_shows_its_inbox_only() -> None:
    assert describe_lag({"log": [], "inbox": []}) == ""


def test_only_parts_that_are_not_ready_are_told_with_their_reasons() -> None:
    parts = {"database": None, "relay": "the log was not compared with its topic yet"}
    assert describe_reasons({"status": "not ready", "parts": parts}) == [
        "relay: the log was not compared with its topic yet"
    ]


def test_lag_is_counted_from_the_producers_published_head_when_the_topics_end_is_not_known() -> None:
    heads = published_heads(
        {
            "intake": {"log": [{"partition": 0, "last": 12, "published": 10}], "inbox": []},
            "allocation": {"log": [{"partition": 0, "last": 3, "published": None}]},
            "audit": {},
        }
    )
    positions = {"log": [], "inbox": [{"source": "intake", "partition": 0, "applied": 4, "newest": 4}]}
    assert describe_lag(positions, heads) == "behind intake by 6"


@pytest.mark.parametrize(
    ("answer", "code", "phase"), [(200, 0, "ready"), (401, 1, "not well"), (503, 1, "not well")]
)
def test_a_service_whose_positions_are_not_known_is_not_well(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    answer: int,
    code: int,
    phase: str,
) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/readyz":
            return httpx.Response(200, json={"parts": {}})
        return httpx.Response(answer, json={"log": [], "inbox": []})

    here = ProcessMark(psutil.Process().pid, psutil.Process().create_time())
    home = Home(tmp_path)
    write_state(
        home.up,
        State("ready", here, {"audit": "ready"}, {"audit": here}, {"audit": "http://audit"}, "", {}),
    )
    monkeypatch.setattr(httpx, "Client", partial(httpx.Client, transport=httpx.MockTransport(handle)))

    assert command.status(home) == code

    shown = capsys.readouterr().out
    assert shown.startswith(f"Rahnama is {phase} ")
    assert (f"/v1/positions answers {answer}: its lag is not known" in shown) == (answer != 200)
