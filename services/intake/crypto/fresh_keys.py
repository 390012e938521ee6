"""The wrapped keys of subjects that were just registered, kept until the relay has told `rahnama.keys` of them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

MOST_KEPT: Final = 50_000


class SubjectKey(NamedTuple):
    """A subject's data key (wrapped), and for a student the look-up (HMAC of the national ID)."""

    tenant: str
    subject: str
    lookup: bytes | None
    wrapped_key: bytes


class FreshKeys:
    """Spares the relay a read. Bounded: what another instance relays is pushed out by what comes later."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[tuple[str, str], SubjectKey] = {}

    def keep(self, keys: Sequence[SubjectKey]) -> None:
        """To be called after the commit, before the relay is offered the events."""
        for key in keys:
            self._kept[key.tenant, key.subject] = key
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    def take(self, tenant: str, subject: str) -> SubjectKey | None:
        """The key, once; None when it has to be read from the database."""
        return self._kept.pop((tenant, subject), None)
