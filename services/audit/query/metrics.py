"""How verifications ended, and how long ago the last one did."""

import time
from typing import Final

from shared.telemetry.metrics import Observed, Values, counter

VERIFICATIONS: Final = counter(
    "rahnama.audit.verifications", "{verification}", "Verifications that ended, by their outcome."
)
AGE: Final = Observed(
    "rahnama.audit.verification.age",
    "s",
    "Time since the last verification ended with a verdict; since the start while there was none.",
)
VERIFIED: Final = Observed(
    "rahnama.audit.verification.verified", "", "1 if nothing was found by the last verification, else 0."
)
OUTCOMES: Final = ("verified", "different", "failed")


class VerificationMetrics:
    """Of one service. What may never happen is told as 0."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._verified = True

    def start(self) -> None:
        """Tells from now on."""
        self._since = time.monotonic()
        AGE.watch(self.age)
        VERIFIED.watch(self.verified)
        for outcome in OUTCOMES:
            VERIFICATIONS.add(0, {"outcome": outcome})

    def stop(self) -> None:
        """Tells no more."""
        AGE.forget(self.age)
        VERIFIED.forget(self.verified)

    def ended(self, verified: bool) -> None:
        """A verification came to a verdict."""
        self._since = time.monotonic()
        self._verified = verified
        VERIFICATIONS.add(1, {"outcome": "verified" if verified else "different"})

    def failed(self) -> None:
        """A verification came to no verdict."""
        VERIFICATIONS.add(1, {"outcome": "failed"})

    def age(self) -> Values:
        """Seconds."""
        return [(time.monotonic() - self._since, {})]

    def verified(self) -> Values:
        """Whether the last verdict was good; before the first there is none that was not."""
        return [(float(self._verified), {})]
