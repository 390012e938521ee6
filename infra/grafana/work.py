"""What goes through the system, how fast, and how far behind it is."""

from typing import Final

from infra.grafana.panels import Dashboard, Panel, Query
from infra.grafana.queries import quantile, quantiles, rate

FLOW: Final = Dashboard(
    "flow",
    "flow",
    [
        Panel(
            "Events answered",
            "ops",
            [Query(rate("rahnama_intake_events_total", "door, status"), "{{door}} {{status}}")],
            "By the door they came in at, and what they were answered. Kafka's are answered in the database.",
        ),
        Panel(
            "Rejected for",
            "ops",
            [Query(rate("rahnama_intake_rejections_total", "code"), "{{code}}")],
            "An event may have several errors.",
        ),
        Panel(
            "Records applied",
            "ops",
            [Query(rate("rahnama_inbox_applied_records_total", "job, source"), "{{job}} ← {{source}}")],
        ),
        Panel(
            "Decisions",
            "ops",
            [Query(rate("rahnama_allocation_decisions_total", "type"), "{{type}}")],
        ),
        Panel(
            "Events sent to Kafka",
            "ops",
            [
                Query(
                    rate("messaging_client_sent_messages_total", "messaging_destination_name"),
                    "{{messaging_destination_name}}",
                )
            ],
        ),
        Panel(
            "Records received from Kafka",
            "ops",
            [
                Query(
                    rate(
                        "messaging_client_consumed_messages_total",
                        "messaging_consumer_group_name, messaging_destination_name",
                    ),
                    "{{messaging_consumer_group_name}} ← {{messaging_destination_name}}",
                )
            ],
            "Repeats included.",
        ),
        Panel(
            "Records of one poll",
            "short",
            quantiles(
                "rahnama_inbox_batch_records",
                "messaging_consumer_group_name",
                "{{messaging_consumer_group_name}}",
            ),
        ),
        Panel(
            "Events of one transaction of intake",
            "short",
            quantiles("rahnama_intake_transaction_events", "job", "{{job}}"),
        ),
        Panel(
            "Students who wait for a mentor",
            "short",
            [Query("sum by (tenant) (rahnama_allocation_waitlist_students)", "{{tenant}}")],
        ),
        Panel(
            "Requests",
            "reqps",
            [
                Query(
                    rate("http_server_request_duration_seconds_count", "job, http_route"),
                    "{{job}} {{http_route}}",
                )
            ],
        ),
    ],
)

LATENCY: Final = Dashboard(
    "latency",
    "latency",
    [
        Panel(
            "Answer to events",
            "s",
            quantiles("http_server_request_duration_seconds", "job", "{{job}}", '{http_route="/v1/events"}'),
            "From the request to the answer after the commit.",
        ),
        Panel(
            "Slowest percent of every route",
            "s",
            [
                Query(
                    quantile(0.99, "http_server_request_duration_seconds", "job, http_route"),
                    "{{job}} {{http_route}}",
                )
            ],
        ),
        Panel(
            "Transaction of intake",
            "s",
            quantiles("rahnama_intake_transaction_duration_seconds", "job", "{{job}}"),
        ),
        Panel(
            "Transaction of a consumer",
            "s",
            quantiles(
                "messaging_process_duration_seconds",
                "messaging_consumer_group_name, messaging_destination_name",
                "{{messaging_consumer_group_name}} ← {{messaging_destination_name}}",
            ),
        ),
        Panel(
            "A batch's way to Kafka",
            "s",
            quantiles(
                "messaging_client_operation_duration_seconds",
                "messaging_destination_name",
                "{{messaging_destination_name}}",
                '{messaging_operation_name="send"}',
            ),
        ),
        Panel(
            "Oldest record that waits",
            "s",
            [Query("max by (job, source) (rahnama_inbox_lag_time_seconds)", "{{job}} ← {{source}}")],
        ),
    ],
)

LAG: Final = Dashboard(
    "lag",
    "lag",
    [
        Panel(
            "Records not applied",
            "short",
            [
                Query(
                    "sum by (job, source) (max by (job, source, partition) (rahnama_inbox_lag_records))",
                    "{{job}} ← {{source}}",
                )
            ],
        ),
        Panel(
            "Age of the oldest of them",
            "s",
            [Query("max by (job, source) (rahnama_inbox_lag_time_seconds)", "{{job}} ← {{source}}")],
        ),
        Panel(
            "Events not published",
            "short",
            [Query("max by (source) (rahnama_relay_backlog_events)", "{{source}}")],
        ),
        Panel(
            "Age of the oldest of them",
            "s",
            [Query("max by (source) (rahnama_relay_backlog_age_seconds)", "{{source}}")],
        ),
        Panel(
            "Records not applied, by partition",
            "short",
            [
                Query(
                    "max by (job, source, partition) (rahnama_inbox_lag_records)",
                    "{{job}} ← {{source}} {{partition}}",
                )
            ],
        ),
        Panel(
            "Partitions that are held",
            "short",
            [Query("sum by (job, source) (rahnama_inbox_held)", "{{job}} ← {{source}}")],
            "They stand still until a person acts.",
        ),
        Panel(
            "Partitions published, by instance",
            "short",
            [Query("rahnama_relay_leads", "{{source}} {{instance}}")],
        ),
        Panel(
            "Events that wait for a transaction of intake",
            "short",
            [
                Query("sum by (job) (rahnama_intake_queue_events)", "waiting"),
                Query("sum by (job) (rahnama_intake_queue_limit)", "limit"),
            ],
        ),
    ],
)
