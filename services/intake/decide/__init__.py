"""What intake accepts, and what it makes of it: pure, without I/O, clock or randomness. `messages` is the map.

bytes ── events.open_event ──▶ InboundEvent ── messages.parse ──▶ Command ── messages.decide ──▶ Outcome
                │                                    │                              │
                └─▶ BrokenEvent                      └─▶ (FieldError, …)            └─▶ Accepted | Unchanged | Refused
"""
