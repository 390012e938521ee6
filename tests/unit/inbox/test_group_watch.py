"""Who is in the group: foreign members, and partitions that no instance of ours consumes."""

from aiokafka import TopicPartition
from structlog.testing import capture_logs

from shared.inbox.group_watch import GroupWatch
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.group_members import GroupMemberSeen

GROUP = "rahnama.audit"
PLACES = [TopicPartition("rahnama.intake", number) for number in range(3)]


def watch() -> GroupWatch:
    return GroupWatch(AioKafkaClients("127.0.0.1:1"), GROUP, ["rahnama.intake"], lambda _: "intake")


def member(*numbers: int, client_id: str = GROUP) -> GroupMemberSeen:
    return GroupMemberSeen(client_id, "/10.0.0.9", frozenset(PLACES[number] for number in numbers))


def test_several_instances_that_share_all_partitions_are_no_alarm() -> None:
    group = watch()
    for _ in range(3):
        group.see_members([member(0, 2), member(1)], PLACES)
    assert group.problem() is None
    assert group.troubles() == []


def test_a_foreign_member_is_reported_at_once_and_logged_once() -> None:
    group = watch()
    with capture_logs() as logs:
        for _ in range(3):
            group.see_members([member(0, 1, 2), member(client_id="console-consumer")], PLACES)
    assert [line["event"] for line in logs] == ["foreign_member_found"]
    assert "'console-consumer' at /10.0.0.9, with 0 partitions" in group.troubles()[0]
    assert group.problem() is None  # it has no partition: nothing stands still
    assert list(group.foreign_members()) == [(1.0, {"group": GROUP})]


def test_partitions_of_a_foreign_member_are_unconsumed_at_the_second_look() -> None:
    group = watch()
    stolen = [member(0), member(1, 2, client_id="thief")]
    group.see_members(stolen, PLACES)
    assert group.problem() is None
    group.see_members(stolen, PLACES)
    assert group.problem() == "no instance consumes the partitions intake 1, intake 2"
    assert list(group.unconsumed()) == [(2.0, {"source": "intake"})]
    group.see_members([member(0, 1, 2)], PLACES)
    assert group.problem() is None


def test_partitions_that_nobody_holds_are_unconsumed() -> None:
    group = watch()
    group.see_members([], PLACES)
    group.see_members([member(0, 1)], PLACES)
    assert group.problem() == "no instance consumes the partitions intake 2"
