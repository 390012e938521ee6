"""The decisions told again, from the bytes of allocation's log alone: who has whom, how full, which counters.

It stops at the first decision that contradicts those before it.
"""

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import msgspec

from tests.e2e.evidence import Evidence

COUNTER_PREFIXES: Final = ("373", "357")
TYPE_PREFIX: Final = "rahnama.allocation.student."

StudentYear = tuple[str, int, str]
"""Tenant, year, student_id."""
MentorYear = tuple[str, int, int]
"""Tenant, year, mentor_id."""
CounterPool = tuple[str, int, int]
"""Tenant, year, gender."""


@dataclass
class Retold:
    """What the decisions come to. `outcomes` holds (status, mentor_id); `numbers` are those of new counters, in order."""

    outcomes: dict[StudentYear, tuple[str, int | None]] = field(default_factory=dict)
    loads: Counter[MentorYear] = field(default_factory=Counter)
    numbers: dict[CounterPool, list[int]] = field(default_factory=dict)
    counters: dict[tuple[str, int, str], str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def retell(evidence: Evidence) -> Retold:
    """From the first decision to the last, partition by partition."""
    retold = Retold()
    for partition, events in evidence.decisions.log.items():
        for kept in events:
            event = msgspec.json.decode(kept.value)
            _take(retold, event, event["data"], gender=partition % 2)
    return retold


def _take(retold: Retold, event: dict[str, Any], data: dict[str, Any], *, gender: int) -> None:
    student = (event["tenant"], data["year"], data["student_id"])
    _, mentor_id = retold.outcomes.get(student, (None, None))
    match event["type"].removeprefix(TYPE_PREFIX):
        case "assigned.v1":
            assert mentor_id is None, f"{event['id']} assigns {student} again without a release"
            _fill_place(retold, event, data)
            _give_counter(retold, event, data, gender)
            retold.outcomes[student] = ("assigned", data["mentor_id"])
        case "waitlisted.v1":
            assert mentor_id is None, f"{event['id']} lets {student} wait, who has a mentor"
            retold.outcomes[student] = ("waitlisted", None)
        case "released.v1" | "withdrawn.v1" as kind:
            assert mentor_id == data["previous_mentor_id"], (
                f"{event['id']} takes {student} from another mentor"
            )
            if mentor_id is not None:
                retold.loads[event["tenant"], data["year"], mentor_id] -= 1
            retold.outcomes[student] = (kind.removesuffix(".v1"), None)
        case other:
            raise AssertionError(f"{event['id']} has the unknown type {other}")


def _fill_place(retold: Retold, event: dict[str, Any], data: dict[str, Any]) -> None:
    mentor = (event["tenant"], data["year"], data["mentor_id"])
    load, capacity = data["rank"]["load"], data["rank"]["capacity"]
    assert load == retold.loads[mentor], (
        f"{event['id']} counts {load} with {mentor}, not {retold.loads[mentor]}"
    )
    assert load < capacity, f"{event['id']} fills {mentor} beyond {capacity}"
    retold.loads[mentor] += 1


def _give_counter(retold: Retold, event: dict[str, Any], data: dict[str, Any], gender: int) -> None:
    owner = (event["tenant"], gender, data["student_id"])
    if owner not in retold.counters:
        retold.counters[owner] = data["counter"]
        year = data["year"]
        start = f"{year % 100:02d}{COUNTER_PREFIXES[gender]}"
        assert data["counter"].startswith(start), f"{event['id']} gives {data['counter']}, not {start}…"
        retold.numbers.setdefault((event["tenant"], year, gender), []).append(int(data["counter"][5:]))
    else:
        first = retold.counters[owner]
        assert data["counter"] == first, f"{event['id']} gives {owner} a second counter after {first}"
