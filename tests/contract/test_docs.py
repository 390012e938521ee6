"""`docs/events.md` names every type, field and code, and its examples are the golden ones."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from services.intake.decide import problems
from services.intake.decide.messages import FIELDS, TYPE_UNKNOWN
from shared.contracts.envelope import Envelope
from shared.contracts.rejections import EVENT_REJECTED, EventRejected
from shared.errors import FieldError
from tests.contract.snapshots import GOLDEN, INBOUND_FIELDS, LOG_TYPES

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
SECTIONS = {
    part.split("`", 2)[1]: part
    for part in re.split(r"^### (?=`)", PAGE, flags=re.MULTILINE)
    if part[0] == "`"
}


@pytest.mark.parametrize("name", sorted(INBOUND_FIELDS))
def test_every_inbound_field_is_described_with_whether_it_is_required(name: str) -> None:
    for field in INBOUND_FIELDS[name]:
        row = re.search(rf"^\| `{field.name}` \| (.*?) \|", SECTIONS[name], re.MULTILINE)
        assert row is not None, field.name
        assert bool(row[1].strip()) == field.required, field.name


@pytest.mark.parametrize("name", sorted(LOG_TYPES))
def test_every_field_of_a_fact_or_decision_is_described(name: str) -> None:
    for field in msgspec.structs.fields(LOG_TYPES[name]):
        assert re.search(rf"^\|.*`{field.name}`.*\|", SECTIONS[name], re.MULTILINE), field.name


@pytest.mark.parametrize("name", sorted({*INBOUND_FIELDS, *LOG_TYPES}))
def test_the_example_is_the_golden_one(name: str) -> None:
    block = re.search(r"```json\n(.*?)```", SECTIONS[name], re.DOTALL)
    assert block is not None
    folder = "inbound" if name in INBOUND_FIELDS else "log"
    golden = json.loads((GOLDEN / folder / f"{name}.json").read_bytes())
    assert json.loads(block[1]) in (golden, golden["data"])


def test_the_event_of_a_rejection_is_described_and_its_example_is_the_golden_one() -> None:
    section = SECTIONS[EVENT_REJECTED]
    for field in msgspec.structs.fields(EventRejected):
        assert re.search(rf"^\|.*`{field.name}`.*\|", section, re.MULTILINE), field.name
    block = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    assert block is not None
    golden = json.loads((GOLDEN / "rejections" / f"{EVENT_REJECTED}.json").read_bytes())
    assert json.loads(block[1]) == golden


def test_every_attribute_is_described() -> None:
    for name in Envelope.__struct_fields__:
        assert re.search(rf"^\| .*`{name}`", PAGE, re.MULTILINE), name


def test_every_code_is_in_the_table_with_its_pointer() -> None:
    single = [value for value in vars(problems).values() if isinstance(value, FieldError)]
    invalid = [*(field.invalid for field in FIELDS.values()), *problems.ATTRIBUTE_INVALID.values()]
    for error in (*single, *invalid, TYPE_UNKNOWN):
        pointer = f"`{error.pointer}`" if error.pointer else ""
        row = re.search(rf"^\|.*`{error.code}` \| {re.escape(pointer)} ?\|", PAGE, re.MULTILINE)
        assert row is not None, error.code
