"""`make status` says in one line how far behind a service is, and below it what stands still and why."""

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
