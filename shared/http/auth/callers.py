"""Who calls: the claims of a verified token, and the roles there are."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

ADMIN: Final = "admin"
ROLES: Final = (ADMIN, "operator", "auditor", "upstream", "metrics")


class CenterLimit(Enum):
    """What a route does with a token that is limited to centres."""

    APPLIED = "applied"
    """It shows only what belongs to one of them."""
    UNAFFECTED = "unaffected"
    """It shows and changes nothing that belongs to a centre."""
    REFUSED = "refused"
    """It cannot apply the limit, so it answers 403 (`CENTERS_NOT_APPLICABLE`)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified token's claims. Another tenant's data does not exist for its bearer.

    `centers` limits the caller, of whatever role, to these centres; None: all of them.
    """

    tenant: str
    subject: str
    roles: frozenset[str]
    centers: frozenset[int] | None = None

    def has_any(self, roles: frozenset[str]) -> bool:
        """Whether one of `roles` is the caller's; `admin` has them all."""
        return ADMIN in self.roles or not self.roles.isdisjoint(roles)

    def center_filter(self) -> list[int] | None:
        """The centres as a query's parameter; None: all of them."""
        return None if self.centers is None else sorted(self.centers)
