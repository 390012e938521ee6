"""What Prometheus reads of each service while the system works."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.people import event, student
from tests.e2e.upstream import Upstream

EVERYWHERE: Final = {
    "http_server_request_duration_seconds_count": {"http_request_method", "http_route", "http_response_status_code"},
    "messaging_process_duration_seconds_count": {"messaging_destination_name", "messaging_consumer_group_name"},
    "messaging_client_consumed_messages_total": {"messaging_destination_name", "messaging_consumer_group_name"},
    "rahnama_inbox_batch_records_count": {"messaging_consumer_group_name"},
    "rahnama_inbox_applied_records_total": {"source"},
    "rahnama_inbox_retries_total": {"source"},
    "rahnama_inbox_lag_records": {"source", "partition"},
    "rahnama_inbox_lag_time_seconds": {"source", "partition"},
    "rahnama_inbox_held": {"source", "partition"},
    "rahnama_inbox_ahead": {"source", "partition"},
    "rahnama_http_requests_limited_total": {"limit"},
    "db_client_connection_count": {"db_client_connection_pool_name", "db_client_connection_state"},
    "db_client_connection_max": {"db_client_connection_pool_name"},
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "target_info": {"service_name"},
}  # fmt: skip
OF_A_LOG: Final = {
    "messaging_client_sent_messages_total": {"messaging_destination_name", "messaging_operation_name"},
    "messaging_client_operation_duration_seconds_count": {"messaging_destination_name"},
    "rahnama_relay_backlog_events": {"source"},
    "rahnama_relay_backlog_age_seconds": {"source"},
    "rahnama_relay_leads": {"source"},
    "rahnama_relay_gate_open": {"source"},
    "rahnama_relay_foreign_partitions": {"source"},
    "rahnama_relay_refills_total": {"source"},
    "rahnama_relay_restarts_total": {"source"},
}
OWN: Final = {
    "intake": OF_A_LOG
    | {
        "rahnama_intake_events_total": {"door", "status"},
        "rahnama_intake_rejections_total": {"code"},
        "rahnama_intake_events_unowned_total": set(),
        "rahnama_intake_transaction_events_count": set(),
        "rahnama_intake_transaction_duration_seconds_count": set(),
        "rahnama_intake_queue_events": set(),
        "rahnama_intake_queue_limit": set(),
    },
    "allocation": OF_A_LOG
    | {
        "rahnama_allocation_decisions_total": {"type"},
        "rahnama_allocation_waitlist_students": {"tenant"},
    },
    "audit": {
        "rahnama_audit_verifications_total": {"outcome"},
        "rahnama_audit_verification_age_seconds": set(),
        "rahnama_audit_verification_verified": set(),
    },
}


def read(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


async def test_every_service_tells_what_the_dashboards_ask_for(upstream: Upstream) -> None:
    wrong = event("student.registered", "counted and refused", student(310_000_031, reg_center=9))
    sent = event("student.registered", "counted", student(310_000_030, group_code=31))
    assert (await upstream.post_one(sent)).status_code == 202
    assert (await upstream.post_one(wrong)).status_code == 422
    await upstream.produce_events(
        [event("student.registered", "over Kafka", student(310_000_032, group_code=31))]
    )
    await upstream.settle()
    for service, own in OWN.items():
        answer = await upstream.client.get(f"{upstream.urls[service]}/metrics")
        told = list(read(answer.text))
        for name, labels in (EVERYWHERE | own).items():
            found = [given for told_name, given, _ in told if told_name == name]
            assert found, f"{service} tells no {name}"
            assert labels <= set(found[0]), f"{service}'s {name} has the labels {sorted(found[0])}"
        values = {(name, *sorted(given.values())): value for name, given, value in told}
        assert {value for (name, *_), value in values.items() if name == "rahnama_inbox_lag_records"} == {0}


async def test_metrics_need_a_token_of_their_role(upstream: Upstream) -> None:
    bare = {"authorization": ""}
    for url in upstream.urls.values():
        assert (await upstream.client.get(f"{url}/metrics", headers=bare)).status_code == 401
        for role, status in (("metrics", 200), ("auditor", 403)):
            headers = {"authorization": f"Bearer {upstream.system.token(role)}"}
            assert (await upstream.client.get(f"{url}/metrics", headers=headers)).status_code == status


async def test_a_code_of_a_rejection_is_counted_and_nothing_of_its_event(
    upstream: Upstream,
) -> None:
    async def rejections() -> dict[str, float]:
        answer = await upstream.client.get(f"{upstream.urls['intake']}/metrics")
        return {
            labels["code"]: value
            for name, labels, value in read(answer.text)
            if name == "rahnama_intake_rejections_total"
        }

    wrong = event("student.registered", "counted by its code", student(310_000_033, gender=7))
    refused = (await upstream.post_one(wrong)).json()
    [code] = [error["code"] for error in refused["errors"]]
    once = (await rejections())[code]
    await upstream.post_one({**wrong, "id": "counted by its code again"})
    assert (await rejections())[code] == once + 1
