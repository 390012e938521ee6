"""The AsyncAPI document matches the code, and the golden events match the document."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema_rs import Draft202012Validator

from infra.asyncapi import DOCUMENT, document, text

GOLDEN: Final = Path(__file__).parent / "golden"
EVENTS: Final = sorted(
    file
    for folder in ("inbound", "log", "rejections")
    for file in (GOLDEN / folder).glob("*.json")
    if not file.name.endswith(".command.json")
)


def payload_of(made: dict[str, Any], type_: str) -> Any:
    reference = made["components"]["messages"][type_]["payload"]["$ref"]
    return made["components"]["schemas"][reference.removeprefix("#/components/schemas/")]


def test_the_committed_document_is_the_one_that_the_code_makes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == text(), "python -m infra.asyncapi --write"


@pytest.mark.parametrize("file", EVENTS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_golden_event_fits_the_schema_of_its_type(file: Path) -> None:
    event = json.loads(file.read_text(encoding="utf-8"))
    schema = payload_of(document(), event["type"])
    assert list(Draft202012Validator(schema).iter_errors(event)) == []
    without_data = {name: value for name, value in event.items() if name != "data"}
    assert not Draft202012Validator(schema).is_valid(without_data)


def test_every_topic_and_every_type_is_described() -> None:
    made = document()
    described = {topic: set(channel["messages"]) for topic, channel in made["channels"].items()}
    assert set(described) == {"rahnama.inbound", "rahnama.intake", "rahnama.allocation", "rahnama.rejections"}
    assert {type_ for types in described.values() for type_ in types} == {
        json.loads(file.read_text(encoding="utf-8"))["type"] for file in EVENTS
    }
