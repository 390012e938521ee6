"""`rahnama.inbound`, where upstream writes: read in one consumer group, applied once.

The writer is `apply(slices)`: ONE transaction for all slices, that calls `move_inbound(connection, slices)` before
its effects and commits. When it returns, the slices are applied; the inbox moves its own positions. It must give a
result to every record: a bad one becomes a rejection and never raises. A `StalePosition` from `move_inbound`, a lost
connection or another fault that passes are let through: the inbox loads the positions again and tries again, first
all slices, then one by one.
"""

from services.intake.append.inbound import InboundPosition, InboundRecord, InboundSlice, move_inbound
from services.intake.inbox.kafka_event import BinaryEvent, StructuredEvent, inbound_event

__all__ = [
    "BinaryEvent",
    "InboundPosition",
    "InboundRecord",
    "InboundSlice",
    "StructuredEvent",
    "inbound_event",
    "move_inbound",
]
