"""Reads that scan: one at a time of each caller, and one verification at a time of each tenant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.errors import TooManyRequests, Unavailable
from shared.http.auth.callers import Caller
from shared.http.rate_limits import LIMITED

LIMIT_NAME: Final = "expensive-reads"


class ExpensiveReadRunning(TooManyRequests):
    """An expensive read of this caller is running; a caller has one at a time."""

    code = "EXPENSIVE_READ_RUNNING"
    retry_after_seconds = 2


class VerificationRunning(Unavailable):
    """A verification of this tenant is running, or as many of others as there may be."""

    code = "VERIFICATION_RUNNING"
    retry_after_seconds = 5


class ExpensiveReads:
    """The slots of one process. A slot is held until the read has ended, also when its client has gone."""

    def __init__(self, verifications: int) -> None:
        """`verifications` are the most at once, each of another tenant."""
        self._verifications = verifications
        self._callers: set[tuple[str, str]] = set()
        self._tenants: set[str] = set()
        LIMITED.add(0, {"limit": LIMIT_NAME})

    @contextmanager
    def slot(self, caller: Caller, *, scans: bool = True) -> Iterator[None]:
        """The caller's own; a read that turns out not to scan takes none.

        Raises `ExpensiveReadRunning` while the caller holds it. Nobody waits for a slot, so there is no queue to bound.
        """
        if not scans:
            yield
            return
        key = caller.tenant, caller.subject
        if key in self._callers:
            LIMITED.add(1, {"limit": LIMIT_NAME})
            raise ExpensiveReadRunning(
                "Another expensive read of this caller is running; try again when it has ended."
            )
        self._callers.add(key)
        try:
            yield
        finally:
            self._callers.remove(key)

    @contextmanager
    def verification_slot(self, caller: Caller) -> Iterator[None]:
        """The caller's slot and its tenant's for verifications. Raises also `VerificationRunning`."""
        with self.slot(caller):
            if caller.tenant in self._tenants:
                raise VerificationRunning("A verification of this tenant is running already.")
            if len(self._tenants) >= self._verifications:
                raise VerificationRunning(
                    "As many verifications of other tenants are running as there may be."
                )
            self._tenants.add(caller.tenant)
            try:
                yield
            finally:
                self._tenants.remove(caller.tenant)
