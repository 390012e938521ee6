"""Whom upstream knows, and what it says of them."""

from dataclasses import dataclass, field
from typing import Any

from infra.demo.cohort import Event

Data = dict[str, Any]
"""What an event says."""


@dataclass(frozen=True)
class Step:
    """One event and whom it is about, in upstream's own words; `again`: only a repeat of what was sent before."""

    event: Event
    subject: str
    again: bool = False


@dataclass(frozen=True)
class Leaving:
    """Somebody who is to be erased, of whom nothing else is on its way."""

    source: str
    subject: str


@dataclass
class Tenant:
    """What upstream knows of one tenant."""

    source: str
    name: str
    mentors: dict[int, Data] = field(default_factory=dict)
    managers: dict[int, Data] = field(default_factory=dict)
    students: list[Data] = field(default_factory=list)
    erased: list[Data] = field(default_factory=list)
