"""`make status` says in one line how far behind a service is."""

from infra.local.status import describe_lag


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
