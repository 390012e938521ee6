"""How many requests a subject and its tenant may send, and the `RateLimit` fields that say so on every answer.

`RateLimit-Policy` and `RateLimit` follow draft-ietf-httpapi-ratelimit-headers-10. Counts are kept in the memory of one
process: each instance of a service has its own.
"""

import math
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from shared.errors import TooManyRequests
from shared.http.auth.callers import Caller
from shared.service.settings import ServiceSettings
from shared.telemetry.metrics import counter

WINDOW_SECONDS: Final = 10
"""A limit of n requests a second is a quota of 10 n in 10 s, so that short bursts are not refused."""
COUNTED_SUBJECTS: Final = 10_000
COUNTED_TENANTS: Final = 2_000
"""Counters kept at most. A caller has up to four: reads and writes, of this window and the one before."""
METRICS_PATH: Final = "/metrics"
"""Not counted: a scraper must see an overload."""
LIMITED: Final = counter(
    "rahnama.http.requests.limited",
    "{request}",
    "Requests refused because their caller exceeded a limit, by the limit.",
)
_READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SEPARATOR: Final = "\x00"
"""Between tenant and subject: a verified name holds printable characters alone."""


class BoundedStorage(MemoryStorage):
    """The library's storage with at most `counters` counters, and without the thread that looks through them all.

    The library starts a thread every 10 ms while it counts. Here an expired counter goes when another one is made, and
    the oldest one goes when there are too many: its caller then begins again at 0.
    """

    def __init__(self, counters: int) -> None:
        super().__init__()
        self.timer.cancel()
        self._most = counters

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Adds to a counter. All expire after the same time, so the oldest one is the first to expire."""
        count = self.storage[key] = self.storage.get(key, 0) + amount
        if key not in self.expirations:
            now = time.time()
            self.expirations[key] = now + expiry
            while (oldest := next(iter(self.expirations))) != key and (
                len(self.expirations) > self._most or self.expirations[oldest] <= now
            ):
                self.clear(oldest)
        return count


class Verdict(NamedTuple):
    """What was decided of one request: the fields of its answer, and the limit that refuses it, if one does."""

    fields: tuple[tuple[bytes, bytes], ...]
    refused_by: str | None = None
    retry_after_seconds: int = 0

    def require_admitted(self) -> None:
        """Raises `TooManyRequests` if a limit refuses the request."""
        if self.refused_by is not None:
            LIMITED.add(1, {"limit": self.refused_by})
            raise TooManyRequests(
                f"The limit {self.refused_by} is exceeded; `RateLimit-Policy` states it.",
                retry_after_seconds=self.retry_after_seconds,
            )


class _Limit(NamedTuple):
    name: str
    item: RateLimitItem
    limiter: SlidingWindowCounterRateLimiter
    key_of: Callable[[Caller], str]


class _Limits(NamedTuple):
    """Those of one kind of requests, and how they are stated."""

    each: tuple[_Limit, ...]
    policy: bytes


class RateLimits:
    """Limits in requests a second, of each subject and of each tenant, for reads and for writes; 0: no limit."""

    def __init__(
        self,
        *,
        subject_reads: int = 0,
        subject_writes: int = 0,
        tenant_reads: int = 0,
        tenant_writes: int = 0,
    ) -> None:
        self._subjects = SlidingWindowCounterRateLimiter(BoundedStorage(COUNTED_SUBJECTS))
        self._tenants = SlidingWindowCounterRateLimiter(BoundedStorage(COUNTED_TENANTS))
        self._reads = self._limits("reads", subject_reads, tenant_reads)
        self._writes = self._limits("writes", subject_writes, tenant_writes)

    def _limits(self, kind: str, of_subject: int, of_tenant: int) -> _Limits:
        each = tuple(
            _Limit(
                f"{who}-{kind}",
                RateLimitItemPerSecond(rate * WINDOW_SECONDS, WINDOW_SECONDS, kind),
                limiter,
                key_of,
            )
            for who, rate, limiter, key_of in (
                ("subject", of_subject, self._subjects, _subject),
                ("tenant", of_tenant, self._tenants, _tenant),
            )
            if rate
        )
        for limit in each:
            LIMITED.add(0, {"limit": limit.name})
        stated = [f'"{limit.name}";q={limit.item.amount};w={WINDOW_SECONDS}' for limit in each]
        return _Limits(each, ", ".join(stated).encode("ascii"))

    def count(self, caller: Caller, method: str, path: str) -> Verdict:
        """Counts a request against its caller's limits. One that the subject's limit refuses costs the tenant nothing."""
        limits = self._reads if is_read(method, path) else self._writes
        if not limits.each or path == METRICS_PATH:
            return Verdict(())
        refused_by, retry_after, states = None, 0, []
        for limit in limits.each:
            key = limit.key_of(caller)
            is_refused = refused_by is None and not limit.limiter.hit(limit.item, key)
            reset_at, remaining = limit.limiter.get_window_stats(limit.item, key)
            seconds = max(1, math.ceil(reset_at - time.time()))
            states.append(f'"{limit.name}";r={remaining};t={seconds}')
            if is_refused:
                refused_by, retry_after = limit.name, seconds
        fields = (
            (b"ratelimit-policy", limits.policy),
            (b"ratelimit", ", ".join(states).encode("ascii")),
        )
        return Verdict(fields, refused_by, retry_after)


def rate_limits_of(settings: ServiceSettings) -> RateLimits:
    """The limits as set."""
    return RateLimits(
        subject_reads=settings.subject_reads_per_second,
        subject_writes=settings.subject_writes_per_second,
        tenant_reads=settings.tenant_reads_per_second,
        tenant_writes=settings.tenant_writes_per_second,
    )


def is_read(method: str, path: str) -> bool:
    """Whether a request is counted as a read: look-ups and verifications are, although they are POSTs."""
    return method in _READING_METHODS or path.endswith("/lookup") or path.startswith("/v1/verification")


def _subject(caller: Caller) -> str:
    return f"{caller.tenant}{_SEPARATOR}{caller.subject}"


def _tenant(caller: Caller) -> str:
    return caller.tenant
