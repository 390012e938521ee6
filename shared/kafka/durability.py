"""What keeps an acknowledged record of `rahnama.inbound` when a broker loses its power: no log in Postgres holds it."""

from typing import Final

REPLICAS: Final = 3
"""Of a topic, where there are as many brokers."""


def durable_by_itself(replicas: int) -> dict[str, str]:
    """A topic's settings, by the number of its replicas, so that an acknowledgement (`acks=all`) outlives a power cut.

    With three replicas two of them have a record before it is acknowledged. With fewer, one broker may be the only
    one that has it, and a broker acknowledges what lies in its page cache: so each batch is flushed to disk first.
    """
    return {"min.insync.replicas": "2"} if replicas >= REPLICAS else {"flush.messages": "1"}
