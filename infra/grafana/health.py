"""What fails, and how much more the system can carry."""

from typing import Final

from infra.grafana.panels import Dashboard, Panel, Query
from infra.grafana.queries import rate
from infra.services import NAMES

ERRORS: Final = Dashboard(
    "errors",
    "errors",
    [
        Panel(
            "Requests that failed",
            "percentunit",
            [
                Query(
                    rate(
                        "http_server_request_duration_seconds_count",
                        "job",
                        '{http_response_status_code=~"5.."}',
                    )
                    + " / "
                    + rate("http_server_request_duration_seconds_count", "job"),
                    "{{job}}",
                )
            ],
            "Status 500 and above; refused for overload, too.",
        ),
        Panel(
            "Answers by status",
            "reqps",
            [
                Query(
                    rate("http_server_request_duration_seconds_count", "job, http_response_status_code"),
                    "{{job}} {{http_response_status_code}}",
                )
            ],
        ),
        Panel(
            "Transactions of consumers, by error",
            "ops",
            [
                Query(
                    rate(
                        "messaging_process_duration_seconds_count",
                        "messaging_consumer_group_name, error_type",
                    ),
                    "{{messaging_consumer_group_name}} {{error_type}}",
                )
            ],
            "Without a name: committed.",
        ),
        Panel(
            "Batches to Kafka, by error",
            "ops",
            [
                Query(
                    rate(
                        "messaging_client_operation_duration_seconds_count",
                        "messaging_destination_name, error_type",
                    ),
                    "{{messaging_destination_name}} {{error_type}}",
                )
            ],
            "Without a name: acknowledged.",
        ),
        Panel(
            "Partitions tried again",
            "ops",
            [Query(rate("rahnama_inbox_retries_total", "job, source"), "{{job}} ← {{source}}")],
        ),
        Panel(
            "New producers, and topics filled again",
            "short",
            [
                Query("sum by (source) (increase(rahnama_relay_restarts_total[1h]))", "producers {{source}}"),
                Query("sum by (source) (increase(rahnama_relay_refills_total[1h]))", "refills {{source}}"),
            ],
            "In the last hour.",
        ),
        Panel(
            "Gate of the log",
            "short",
            [Query("min by (source) (rahnama_relay_gate_open)", "{{source}}")],
            "0: nothing is accepted or decided.",
        ),
        Panel(
            "Verifications",
            "short",
            [
                Query("sum by (outcome) (increase(rahnama_audit_verifications_total[1d]))", "{{outcome}}"),
                Query("min(rahnama_audit_verification_verified)", "last one found nothing"),
            ],
            "In the last day.",
        ),
        Panel(
            "Since the last verification",
            "s",
            [Query("min(rahnama_audit_verification_age_seconds)", "age")],
        ),
        Panel(
            "Services that answer",
            "short",
            [Query(f'up{{job=~"{"|".join(NAMES)}"}}', "{{job}} {{instance}}")],
        ),
    ],
)

CAPACITY: Final = Dashboard(
    "capacity",
    "capacity",
    [
        Panel("CPU", "percentunit", [Query(rate("process_cpu_seconds_total", "job"), "{{job}}")], "1: one core."),
        Panel("Memory", "bytes", [Query("max by (job) (process_resident_memory_bytes)", "{{job}}")]),
        Panel(
            "Records for a second of CPU",
            "short",
            [
                Query(
                    rate("rahnama_inbox_applied_records_total", "job")
                    + " / "
                    + rate("process_cpu_seconds_total", "job"),
                    "{{job}}",
                )
            ],
            "Falls when batches become small.",
        ),
        Panel(
            "Connections to the database",
            "short",
            [
                Query(
                    "sum by (job, db_client_connection_state) (db_client_connection_count)",
                    "{{job}} {{db_client_connection_state}}",
                ),
                Query("sum by (job) (db_client_connection_max)", "{{job}} limit"),
            ],
        ),
        Panel(
            "Queue of intake",
            "percentunit",
            [Query("max by (job) (rahnama_intake_queue_events / rahnama_intake_queue_limit)", "full")],
            "At 1 more is refused with 503.",
        ),
        Panel(
            "Time in transactions",
            "percentunit",
            [
                Query(rate("messaging_process_duration_seconds_sum", "job"), "{{job}} consumer"),
                Query(rate("rahnama_intake_transaction_duration_seconds_sum", "job"), "{{job}} writer"),
            ],
            "1: a consumer has no rest. Intake's writer has two at a time.",
        ),
        Panel(
            "Open files and connections",
            "short",
            [Query("max by (job) (process_open_fds)", "{{job}}")],
        ),
        Panel(
            "Collections of garbage",
            "ops",
            [Query(rate("python_gc_collections_total", "job"), "{{job}}")],
        ),
    ],
)  # fmt: skip
