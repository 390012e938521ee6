"""Ways to plant a violation into valid evidence."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import msgspec

from shared.contracts.envelope import leaf_hash
from tests.invariants.evidence import Evidence, History, Kept, Personal, Sent

P: Final = 2
"""The partition."""
Plant = Callable[[Evidence], Evidence]


def in_history(which: str, place: str, change: Callable[[list[Any]], object]) -> Plant:
    """Changes what stands in a log, on its topic or in the ledger."""

    def plant(evidence: Evidence) -> Evidence:
        history: History = getattr(evidence, which)
        rows = list(getattr(history, place)[P])
        change(rows)
        fields: dict[str, Any] = {place: {P: rows}}
        planted: dict[str, Any] = {which: replace(history, **fields)}
        return replace(evidence, **planted)

    return plant


def in_table(service: str, table: str, change: Callable[[list[dict[str, Any]]], object]) -> Plant:
    """Changes rows; those with a mentor come first."""

    def plant(evidence: Evidence) -> Evidence:
        tables = getattr(evidence, service)
        rows = sorted((dict(row) for row in tables[table]), key=lambda row: row.get("mentor_id") is None)
        change(rows)
        planted: dict[str, Any] = {service: {**tables, table: rows}}
        return replace(evidence, **planted)

    return plant


def in_sent(change: Callable[[list[Sent]], object]) -> Plant:
    """Changes what upstream has sent and was told."""

    def plant(evidence: Evidence) -> Evidence:
        sent = list(evidence.sent)
        change(sent)
        return replace(evidence, sent=sent)

    return plant


def decision(kind: str, **changes: Any) -> Plant:
    """Changes the first decision of a kind, and leaves its hash and its successors as they are."""

    def change(rows: list[Any]) -> None:
        at = next(place for place, row in enumerate(rows) if row.type.endswith(f"student.{kind}.v1"))
        event = msgspec.json.decode(rows[at].value)
        event["data"].update(changes)
        rows[at] = replace(rows[at], value=msgspec.json.encode(event))

    return in_history("decisions", "log", change)


def other_byte(rows: list[Any], at: int = -1) -> None:
    """The same event with another version."""
    value = rows[at].value if isinstance(rows[at], Kept) else rows[at]
    changed = value.replace(b'"version":', b'"version":9')
    assert changed != value
    rows[at] = (
        replace(rows[at], value=changed, hash=leaf_hash(changed)) if isinstance(rows[at], Kept) else changed
    )


def repeat_otherwise(rows: list[Any]) -> None:
    """The first one again, with another version."""
    rows.append(rows[0])
    other_byte(rows)


def swap(rows: list[Any], key: str | None = None) -> None:
    """Exchanges the first two rows, or what they hold under a key."""
    if key is None:
        rows[0], rows[1] = rows[1], rows[0]
    else:
        rows[0][key], rows[1][key] = rows[1][key], rows[0][key]


def put(rows: list[dict[str, Any]], at: int = 0, **changes: Any) -> None:
    """Other values in one row."""
    rows[at].update(changes)


def add(rows: list[dict[str, Any]], key: str, number: int = 1) -> None:
    """One more than there is."""
    rows[0][key] += number


def forget(kind: str) -> Callable[[list[Any]], object]:
    """Takes every event of a kind away."""

    def change(rows: list[Any]) -> None:
        rows[:] = [row for row in rows if kind not in row.type]

    return change


def told_otherwise(sent: list[Sent]) -> None:
    """The first event was told the place of the second."""
    [answer], [other] = sent[0].answers, sent[1].answers
    sent[0] = replace(sent[0], answers=[{**answer, "facts": other["facts"]}])


def told_twice(sent: list[Sent]) -> None:
    """The same event was answered two places."""
    [answer], [other] = sent[0].answers, sent[1].answers
    sent[0] = replace(sent[0], answers=[answer, {**answer, "status": "duplicate", "facts": other["facts"]}])


def sent_in_another_order(sent: list[Sent]) -> None:
    """The change of mentor 1 was sent before its first registration."""
    of_one = [at for at, event in enumerate(sent) if event.subject == "mentor/1"]
    sent[of_one[0]], sent[of_one[1]] = sent[of_one[1]], sent[of_one[0]]


def canary(place: str, content: str) -> Plant:
    """Somewhere stands what should not."""

    def plant(evidence: Evidence) -> Evidence:
        told = evidence.personal
        return replace(
            evidence, personal=Personal(told.values, told.numbers, [*told.written, (place, content.encode())])
        )

    return plant


def moved_centre(last: Kept) -> Kept:
    """A mentor's fact again, as the next one, at another centre."""
    value = last.value.replace(b"intake-02-0000000000000010", b"intake-02-0000000000000011")
    return replace(last, sequence=11, value=value.replace(b'"centers":[0]', b'"centers":[1]'))


def nothing_left(rows: list[dict[str, Any]]) -> None:
    """The table is empty."""
    rows.clear()
