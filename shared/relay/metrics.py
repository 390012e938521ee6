"""What an operator watches of the relay. Nothing here costs anything per record."""

from typing import Final

from prometheus_client import Counter, Gauge

PUBLISHED: Final = Counter("rahnama_relay_published", "Events acknowledged by Kafka.", ["source"])
BACKLOG: Final = Gauge("rahnama_relay_backlog", "Events in the log that are not yet published.", ["source"])
LEADS: Final = Gauge("rahnama_relay_leads", "Partitions that this instance publishes.", ["source"])
REFILLS: Final = Counter("rahnama_relay_refills", "Topic partitions filled again from 1.", ["source"])
RESTARTS: Final = Counter("rahnama_relay_restarts", "New producers after an error.", ["source"])
GATE_OPEN: Final = Gauge("rahnama_relay_gate_open", "1 if the log may grow.", ["source"])
