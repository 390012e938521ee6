"""What a tenant may configure about valid values, with the defaults of the field."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

DEFAULT_CENTERS: Final = frozenset({0, 1, 2})
DEFAULT_GROUPS: Final = frozenset({1, 3, 5, 7, 8, 9, 11, 12, 14, 17, 18})
DEFAULT_STUDENT_GROUPS: Final = frozenset(
    {21, 22, 23, 24, 25, 26, 27, 29, 30, 31, 33, 35, 41, 43, 45, 46, 53, 55, 66, 69, 83, 89}
)


@dataclass(frozen=True)
class TenantRules:
    """A tenant's centres, the groups open to everyone, and those for students only (not for graduates)."""

    centers: frozenset[int] = DEFAULT_CENTERS
    groups: frozenset[int] = DEFAULT_GROUPS
    student_groups: frozenset[int] = DEFAULT_STUDENT_GROUPS

    @cached_property
    def all_groups(self) -> frozenset[int]:
        """Every group code that exists for this tenant."""
        return self.groups | self.student_groups


DEFAULT_RULES: Final = TenantRules()
