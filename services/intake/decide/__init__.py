"""What intake accepts, and what it makes of it: pure, without I/O, clock or randomness.

bytes ── events.open_event ──▶ InboundEvent ── parse.parse ──▶ Command ── decide.decide ──▶ Outcome
                │                                  │                            │
                └─▶ BrokenEvent                    └─▶ (FieldError, …)          └─▶ Accepted | Unchanged | Refused
"""
