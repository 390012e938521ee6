"""Who calls: the claims of a verified token, and the roles there are."""

from dataclasses import dataclass
from typing import Final

ADMIN: Final = "admin"
ROLES: Final = (ADMIN, "operator", "auditor", "upstream", "metrics")


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified token's claims. Another tenant's data does not exist for its bearer.

    `centers` limits an operator to these centres; None: all of them.
    """

    tenant: str
    subject: str
    roles: frozenset[str]
    centers: frozenset[int] | None = None

    def has_any(self, roles: frozenset[str]) -> bool:
        """Whether one of `roles` is the caller's; `admin` has them all."""
        return ADMIN in self.roles or not self.roles.isdisjoint(roles)

    def may_see_center(self, center: int) -> bool:
        """Whether the caller may see what belongs to `center`."""
        return self.centers is None or center in self.centers
