"""Contracts only grow: what a reader could rely on stays."""

import copy
import json
from typing import Any

import pytest

from tests.contract.snapshots import GOLDEN, INBOUND_FIELDS, LOG_TYPES, breaking_changes, schema

ASSIGNED = "rahnama.allocation.student.assigned.v1"


def snapshot(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / "schemas" / f"{name}.json").read_bytes())
    return content


@pytest.mark.parametrize("name", sorted(LOG_TYPES))
def test_no_field_was_removed_retyped_or_made_optional(name: str) -> None:
    assert breaking_changes(snapshot(name), schema(LOG_TYPES[name])) == []


@pytest.mark.parametrize("name", sorted(INBOUND_FIELDS))
def test_upstream_must_send_no_more_than_before(name: str) -> None:
    before, now = snapshot(name), {field.name: field.required for field in INBOUND_FIELDS[name]}
    assert set(before) <= set(now), "a field that upstream may send is not read any more"
    assert {field for field, required in now.items() if required} <= {
        field for field, needed in before.items() if needed == "required"
    }


def test_a_removed_field_is_noticed() -> None:
    after = copy.deepcopy(snapshot(ASSIGNED))
    del after["$defs"]["StudentAssigned"]["properties"]["counter"]
    del after["$defs"]["Rank"]["properties"]["load"]
    assert breaking_changes(snapshot(ASSIGNED), after) == [
        "Rank.load was removed",
        "StudentAssigned.counter was removed",
    ]


def test_a_retyped_field_is_noticed() -> None:
    after = copy.deepcopy(snapshot(ASSIGNED))
    after["$defs"]["StudentAssigned"]["properties"]["year"] = {"type": "string"}
    assert breaking_changes(snapshot(ASSIGNED), after) == ["StudentAssigned.year has another type"]


def test_a_field_that_became_optional_or_required_is_noticed() -> None:
    after = copy.deepcopy(snapshot(ASSIGNED))
    shape = after["$defs"]["StudentAssigned"]
    shape["required"].remove("year")
    shape["properties"]["new"] = {"type": "integer"}
    shape["required"].append("new")
    assert breaking_changes(snapshot(ASSIGNED), after) == [
        "StudentAssigned.year may now be absent",
        "StudentAssigned.new is new and required: events of before cannot be read",
    ]


def test_a_new_field_with_a_default_breaks_nobody() -> None:
    after = copy.deepcopy(snapshot(ASSIGNED))
    after["$defs"]["StudentAssigned"]["properties"]["new"] = {"type": "integer", "default": 0}
    assert breaking_changes(snapshot(ASSIGNED), after) == []
