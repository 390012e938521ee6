"""All kinds of fault by name."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from tests.faults.fault_context import FaultContext
from tests.faults.kinds import (
    attacks,
    bombs,
    clocks,
    databases,
    disks,
    forgery,
    groups,
    instances,
    kills,
    links,
    pairs,
    poison,
    stops,
    topics,
    versions,
)

Fault = Callable[[FaultContext], Coroutine[Any, Any, None]]

_ALL: Final[tuple[Fault, ...]] = (
    kills.a_service_is_killed,
    kills.a_service_is_killed_at_a_named_point,
    kills.kafka_is_killed,
    kills.postgres_is_killed,
    kills.everything_is_killed,
    kills.the_relays_leader_is_killed,
    stops.a_service_is_stopped,
    stops.a_server_is_stopped,
    stops.one_of_two_instances_is_stopped,
    links.a_link_is_cut,
    links.a_link_is_refused_for_a_while,
    links.a_link_is_held_up,
    links.a_link_is_delayed,
    links.a_link_is_cut_in_the_middle_of_a_message,
    clocks.a_services_clock_jumps_by_a_day,
    clocks.every_clock_jumps_by_a_day,
    disks.the_disk_under_postgres_is_full,
    disks.the_disk_under_kafka_is_full,
    databases.backends_are_terminated,
    poison.poison_comes_from_upstream,
    poison.poison_stands_on_a_logs_topic,
    bombs.compressed_bombs_come_from_upstream,
    attacks.slow_clients_hold_connections,
    attacks.a_flood_of_refused_requests_comes,
    forgery.a_fact_is_forged,
    groups.the_theft_of_a_group,
    groups.rahnama_inbound_is_deleted,
    topics.old_records_come_again,
    topics.a_busy_topic_loses_its_records,
    topics.an_idle_topic_loses_its_records,
    topics.a_busy_topic_is_made_anew,
    topics.an_idle_topic_is_made_anew,
    topics.a_topic_grows_again_past_a_consumers_position,
    topics.the_inbound_topic_is_made_anew,
    topics.the_keys_topic_is_made_anew,
    instances.the_number_of_allocations_changes,
    instances.two_intakes_write,
    instances.a_second_relay_publishes_too,
    versions.a_fact_of_the_next_release_waits_for_it,
    pairs.two_faults_happen_at_once,
)

FAULTS: Final[Mapping[str, Fault]] = {fault.__name__.replace("_", " "): fault for fault in _ALL}
