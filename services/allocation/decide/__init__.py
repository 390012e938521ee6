"""The pure rules of allocation: which mentor a student gets, and what every change does to others.

state = PartitionState(partition % 2)      # or its pools from `Pool.restore(...)`
state.load(rows of needs(state, causes))   # the working set of a batch
for cause in causes:
    decisions = handle(state, cause)       # decide and evolve in one pass
for pool in state.pools.values():
    pool.changes                           # what the projections write
state.forget()
"""

from services.allocation.decide.changes import Changes
from services.allocation.decide.enrolment import Enrolment, Status, Traits
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.messages import decide, evolve, handle, needs
from services.allocation.decide.policy import DEFAULT_POLICY, Policy
from services.allocation.decide.rules import RuleResult, trace
from services.allocation.decide.state import Cause, Needs, PartitionState, Pool

__all__ = [
    "DEFAULT_POLICY",
    "Cause",
    "Changes",
    "Enrolment",
    "Mentor",
    "Needs",
    "PartitionState",
    "Policy",
    "Pool",
    "RuleResult",
    "Status",
    "Traits",
    "decide",
    "evolve",
    "handle",
    "needs",
    "trace",
]
