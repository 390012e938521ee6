"""A partition's log as it is judged: facts at their places, the naive pools that answer them, decisions as bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from services.allocation.decide import Cause, Policy
from services.allocation.decide.policy import BucketRoundRobin, DeterministicJitter
from shared.contracts.decisions import DECISION_NAMES, Decision
from tests.oracle.histories import YEARS, History
from tests.oracle.naive import NaivePool


def placed(history: History) -> list[Cause]:
    """The history as it stands in a log: dense, with a time."""
    return [
        Cause(tenant, sequence, f"2026-01-01T00:00:{sequence:09.6f}Z", fact)
        for sequence, (tenant, fact) in enumerate(history, 1)
    ]


def as_bytes(decisions: Sequence[Decision]) -> bytes:
    """What the log would hold."""
    return msgspec.json.encode([(DECISION_NAMES[type(decision)], decision) for decision in decisions])


class NaivePartition:
    """Naive pools by tenant. `used` counters of each year are used up before the history begins."""

    def __init__(self, gender: int, used: int = 0, policies: Mapping[str, Policy] | None = None) -> None:
        self.gender = gender
        self.used = used
        self.policies = policies or {}
        self.pools: dict[str, NaivePool] = {}

    def handle(self, cause: Cause) -> list[Decision]:
        """What the fact leads to."""
        return self.pool(cause.tenant).handle(cause.sequence, cause.fact)

    def pool(self, tenant: str) -> NaivePool:
        """The tenant's pool, made when it is first asked for."""
        if tenant not in self.pools:
            self.pools[tenant] = NaivePool(
                self.gender,
                numbers_used=dict.fromkeys(YEARS, self.used),
                **in_words(self.policies.get(tenant, Policy())),
            )
        return self.pools[tenant]


def in_words(policy: Policy) -> dict[str, Any]:
    """A policy as the naive engine is told of it."""
    words: dict[str, Any] = {"policy": policy.version, "reg_status": tuple(policy.reg_status)}
    match policy.fairness:
        case DeterministicJitter():
            words["strategy"] = "deterministic_jitter"
        case BucketRoundRobin(size):
            words["strategy"], words["bucket_size"] = "bucket_round_robin", size
    return words
