"""When a dead part is started again, and when it is given up."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from infra.local.errors import LocalError, PartFailedError
from infra.local.managed_process import ManagedProcess
from shared.runtime.backoff import Backoff

WATCH_SECONDS = 0.1
BACKOFF = Backoff(first=0.25, longest=4.0)


@dataclass
class RestartPolicy:
    """At most `limit` restarts in a row; a part that was well for `healthy_seconds` begins anew at none."""

    limit: int = 5
    healthy_seconds: float = 60.0
    backoff: Backoff = BACKOFF

    @property
    def in_a_row(self) -> int:
        """Restarts since it was last well."""
        return self.backoff.failures

    def backoff_seconds_after(self, healthy_seconds: float) -> float | None:
        """How long to wait before the next start of a part that had been well so long; None to give up."""
        if healthy_seconds >= self.healthy_seconds:
            self.backoff = self.backoff.succeeded()
        if self.in_a_row == self.limit:
            return None
        self.backoff = self.backoff.failed()
        return self.backoff.seconds


async def keep_running(
    part: ManagedProcess,
    policy: RestartPolicy,
    on_change: Callable[[str, str], None],
    on_end: Callable[[str, str], None] = lambda part, reason: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Watch a part that is ready; raises PartFailedError when the policy gives up.

    `on_change` gets the part and its new stage, `on_end` the part and why it ended or did not start.
    """
    ready_at = clock()
    while True:
        while part.running:
            await sleep(WATCH_SECONDS)
        error = part.failed("ended")
        on_end(part.name, error.reason)
        backoff = policy.backoff_seconds_after(clock() - ready_at)
        while True:
            if backoff is None:
                raise PartFailedError(
                    part.name,
                    f"{error.reason}; given up after {policy.limit} restarts in a row",
                    error.log_tail,
                )
            on_change(part.name, f"restarting ({policy.in_a_row} of {policy.limit})")
            await sleep(backoff)
            try:
                await part.start()
                break
            except PartFailedError as again:
                error = again
            except LocalError as again:
                error = PartFailedError(part.name, str(again))
            on_end(part.name, error.reason)
            backoff = policy.backoff_seconds_after(0.0)
        ready_at = clock()
        on_change(part.name, part.stage)
