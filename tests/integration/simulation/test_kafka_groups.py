"""Consumer groups: the simulation's double does as FastStream, aiokafka and a broker's coordinator do."""

import asyncio

import pytest
from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import IllegalStateError

from tests.deadlines import until
from tests.integration.simulation.kafkas import Contract, contract


@contract
async def test_a_member_alone_gets_every_partition_of_every_topic(kafka: Contract) -> None:
    one, two = await kafka.topic(2, "one"), await kafka.topic(1, "two")
    member = await kafka.member(one, two)
    await until(lambda: member.places)
    assert member.places == {TopicPartition(one, 0), TopicPartition(one, 1), TopicPartition(two, 0)}
    assert member.course == [("revoked", frozenset()), ("assigned", member.places)]
    assert set(member.consumer.assignment()) == set(member.places)


@contract
async def test_what_joins_takes_a_part_and_what_leaves_gives_it_back(kafka: Contract) -> None:
    places = await kafka.places(4)
    first = await kafka.member(places[0].topic)
    await until(lambda: len(first.places) == 4)
    second = await kafka.member(places[0].topic)
    await until(lambda: len(first.places) == len(second.places) == 2)
    assert first.places | second.places == set(places)
    assert first.course[2:] == [("revoked", frozenset(places)), ("assigned", first.places)]
    await second.subscription.stop()
    assert second.consumer is None
    await until(lambda: len(first.places) == 4)


@contract
async def test_a_member_that_falls_silent_is_missed_after_its_session(kafka: Contract) -> None:
    places = await kafka.places(2)
    silent, hold_up = await kafka.silent(places[0].topic)
    await until(lambda: len(silent.places) == 2)
    hold_up()
    other = await kafka.member(places[0].topic)
    await until(lambda: len(other.places) == 2)
    assert other.places == set(places)


@contract
async def test_a_rebalance_loses_pauses_and_places(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, b"a", b"b")
    first = await kafka.member(place.topic)
    await until(lambda: len(first.values) == 2)
    first.consumer.pause(place)
    second = await kafka.member(place.topic)
    await until(lambda: len(first.course) == 4 and second.places | first.places)
    holder = first if first.places else second
    expected = 4 if holder is first else 2
    await until(lambda: len(holder.values) == expected)  # nothing was committed: from the beginning, unpaused
    assert holder.values[-2:] == [b"a", b"b"]


@contract
async def test_a_pause_in_the_listener_holds(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, b"a")
    member = await kafka.member(place.topic, begin_paused=True)
    await until(lambda: member.places)
    await asyncio.sleep(1)
    assert member.values == []
    member.consumer.seek(place, 0)
    member.consumer.resume(place)
    await until(lambda: member.values)
    assert member.values == [b"a"]


@contract
async def test_a_later_member_begins_at_what_was_committed(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, b"a", b"b", b"c")
    first = await kafka.member(place.topic)
    await until(lambda: len(first.values) == 3)
    await first.consumer.commit({place: OffsetAndMetadata(2, "")})
    await first.subscription.stop()
    second = await kafka.member(place.topic)
    await until(lambda: second.values)
    assert second.values == [b"c"]


@contract
async def test_who_does_not_hold_a_partition_commits_nothing(kafka: Contract) -> None:
    [place] = await kafka.places()
    member = await kafka.member(place.topic)
    await until(lambda: member.places)
    with pytest.raises(IllegalStateError):
        await member.consumer.commit({TopicPartition(place.topic, 9): OffsetAndMetadata(1, "")})


@contract
async def test_a_handler_that_fails_loses_the_batch_and_the_next_one_comes(kafka: Contract) -> None:
    [place] = await kafka.places()
    member = await kafka.member(place.topic)
    member.failing = {b"bad"}
    await kafka.send(place, b"bad")
    await until(lambda: member.values == [b"bad"])
    await kafka.send(place, b"good")
    await until(lambda: len(member.values) == 2)
    assert member.values == [b"bad", b"good"]


@contract
async def test_a_listener_that_fails_is_passed_over(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, b"a")
    first = await kafka.member(place.topic)
    await until(lambda: first.places)
    first.raises_in_listener = True
    second = await kafka.member(place.topic)
    await until(lambda: len(first.course) == 4 and (first.places or second.places))
    await until(lambda: b"a" in (first.values if first.places else second.values))
    assert len(first.course) == 4


@contract
async def test_a_member_that_was_stopped_starts_again(kafka: Contract) -> None:
    [place] = await kafka.places()
    member = await kafka.member(place.topic)
    await member.subscription.stop()
    await member.subscription.start()
    await until(lambda: member.places)
    await kafka.send(place, b"a")
    await until(lambda: member.values)
    assert member.values == [b"a"]


@contract
async def test_a_member_joins_when_its_topic_is_created(kafka: Contract) -> None:
    joining = asyncio.ensure_future(kafka.member(f"{kafka.name}.topic"))
    await asyncio.sleep(1)
    assert not joining.done()
    place = TopicPartition(await kafka.topic(), 0)
    member = await joining
    await kafka.send(place, b"a")
    await until(lambda: member.values)
    assert member.places == {place}


@contract
async def test_nothing_is_given_between_revocation_and_assignment(kafka: Contract) -> None:
    [place] = await kafka.places()
    first = await kafka.member(place.topic)
    await until(lambda: first.places)
    first.slow_to_revoke = True
    joining = asyncio.ensure_future(kafka.member(place.topic))
    await until(lambda: first.course[-1][0] == "revoked")
    await kafka.send(place, b"a")
    second = await joining
    await until(lambda: first.values or second.values)
    assert first.given_while_revoked == second.given_while_revoked == 0


@contract
async def test_a_recreated_topic_is_read_from_its_beginning_without_its_old_commits(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, b"a", b"b")
    member = await kafka.member(place.topic)
    await until(lambda: len(member.values) == 2)
    await member.consumer.commit({place: OffsetAndMetadata(2, "")})
    await kafka.delete_topic(place.topic)
    await kafka.topic()
    await kafka.send(place, b"c")
    await until(lambda: len(member.values) == 3)
    assert member.values == [b"a", b"b", b"c"]
