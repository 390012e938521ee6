"""What an operator watches of the relay. Nothing here costs anything per record."""

from typing import Final

from shared.telemetry.metrics import SECONDS, Observed, counter, histogram

SENT: Final = counter("messaging.client.sent.messages", "{message}", "Events that were sent to Kafka.")
DURATION: Final = histogram(
    "messaging.client.operation.duration", "s", "Duration of one batch's way to Kafka and back.", SECONDS
)
BACKLOG: Final = Observed(
    "rahnama.relay.backlog.events", "{event}", "Events in the log that are not yet published."
)
BACKLOG_AGE: Final = Observed(
    "rahnama.relay.backlog.age", "s", "Age of the oldest event that is not yet published."
)
LEADS: Final = Observed("rahnama.relay.leads", "{partition}", "Partitions that this instance publishes.")
GATE_OPEN: Final = Observed("rahnama.relay.gate.open", "", "1 if the log may grow, else 0.")
FOREIGN: Final = Observed(
    "rahnama.relay.foreign.partitions", "{partition}", "Led partitions whose topic holds a foreign record."
)
REFILLS: Final = counter("rahnama.relay.refills", "{refill}", "Topic partitions filled again from 1.")
RESTARTS: Final = counter("rahnama.relay.restarts", "{restart}", "New producers after an error.")
