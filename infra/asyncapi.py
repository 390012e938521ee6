"""`python -m infra.asyncapi [--write]`: the AsyncAPI 3 document of every topic, made by FastStream from the contracts.

Without `--write` it prints the document; with it, `docs/asyncapi.json` is written. A test compares the two.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from pydantic import RootModel, WithJsonSchema

from services.intake.app import VERSION
from services.intake.decide import (
    fields,
    manager_registered,
    mentor_registered,
    normalise,
    school_roster_published,
)
from services.intake.decide.birth_date import birth_date
from services.intake.decide.events import MAX_ID, MAX_SOURCE
from services.intake.decide.messages import INBOUND
from shared.contracts.decisions import DECISION_TYPES
from shared.contracts.facts import FACT_TYPES
from shared.contracts.rejections import EVENT_REJECTED, RejectionEvent

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "asyncapi.json"
TITLE: Final = "Rahnama"
DESCRIPTION: Final = (
    "Events of the allocation of students to mentors. Every record's value is one CloudEvents 1.0 event in structured"
    " mode; rahnama.inbound takes batches and binary mode as well. docs/events.md defines the fields."
)

CONTENT_TYPE: Final = "application/cloudevents+json"

Schema = dict[str, Any]

_NUMBER: Final[Schema] = {
    "type": ["integer", "string"],
    "description": "A number, or its digits (also Persian or Arabic).",
}
_NAMED: Final[Schema] = {
    "type": ["integer", "string"],
    "description": "A code, or a word for it (docs/events.md).",
}
_NUMBERS: Final[Schema] = {
    "type": ["array", "string"],
    "description": "Numbers, in a list or in a text with separators.",
}
_TEXT: Final[Schema] = {"type": ["string", "integer"]}
ACCEPTED: Final[Mapping[Callable[[object], Any], Schema]] = {
    fields.year: {**_NUMBER, "description": f"An academic year, {fields.FIRST_YEAR} to {fields.LAST_YEAR}."},
    fields.from_zero: _NUMBER,
    fields.small_set: _NUMBERS,
    fields.centers: _NUMBERS,
    manager_registered.email: _TEXT,
    school_roster_published.school_codes: _NUMBERS,
    normalise.integer: _NUMBER,
    normalise.optional_integer: _NUMBER,
    normalise.national_id: {**_TEXT, "description": "Ten digits with a valid check digit."},
    normalise.mobile: {**_TEXT, "description": "An Iranian mobile number in any usual notation."},
    normalise.name: _TEXT,
    normalise.optional_name: _TEXT,
    normalise.optional_text: _TEXT,
    normalise.boolean: {"type": ["boolean", "integer", "string"]},
    birth_date: {**_TEXT, "description": "A date of the Jalali or the Gregorian calendar."},
    fields.gender: _NAMED,
    fields.edu_status: _NAMED,
    fields.reg_status: _NAMED,
    mentor_registered.mentor_type: _NAMED,
}
"""By the function that reads a field of an inbound event, what it takes."""


class Message(NamedTuple):
    """One type of event on a topic."""

    type: str
    summary: str
    payload: Schema


class Channel(NamedTuple):
    """One topic. `action` is what intake or allocation does with it, as AsyncAPI has it."""

    topic: str
    action: str
    description: str
    messages: tuple[Message, ...]


def channels() -> tuple[Channel, ...]:
    """Every topic whose records others write or read; `rahnama.keys` is intake's own, and encrypted."""
    return (
        Channel(
            "rahnama.inbound", "receive", "What upstream sends, with personal data in the clear.",
            tuple(_inbound(type_, kind.fields) for type_, kind in INBOUND.items()),
        ),
        Channel(
            "rahnama.intake", "send", "Facts: what intake accepted. Personal data is sealed.",
            tuple(_logged("intake", type_, shape) for type_, shape in FACT_TYPES.items()),
        ),
        Channel(
            "rahnama.allocation", "send", "Decisions: who has which mentor, who waits and why.",
            tuple(_logged("allocation", type_, shape) for type_, shape in DECISION_TYPES.items()),
        ),
        Channel(
            "rahnama.rejections", "send", "What intake refused, without what the event said.",
            (Message(EVENT_REJECTED, _summary(RejectionEvent), _json_schema(RejectionEvent)),),
        ),
    )  # fmt: skip


def _inbound(type_: str, known: tuple[fields.Field, ...]) -> Message:
    data = {
        "type": "object",
        "required": [field.name for field in known if field.required],
        "properties": {field.name: ACCEPTED[field.read] for field in known},
    }
    attributes: Schema = {
        "id": {"type": "string", "minLength": 1, "maxLength": MAX_ID},
        "source": {"type": "string", "minLength": 1, "maxLength": MAX_SOURCE},
        "time": {"type": ["string", "null"], "format": "date-time"},
    }
    required = ["specversion", "id", "source", "type", "data"]
    return Message(type_, "Sent by an upstream system.", _envelope(type_, required, attributes, data))


def _logged(source: str, type_: str, shape: type[msgspec.Struct]) -> Message:
    """As `shared.contracts.envelope.Envelope` has it, whose attributes are always all there."""
    attributes: Schema = {
        "id": {"type": "string", "pattern": f"^{source}-[0-9]{{2}}-[0-9]{{16}}$"},
        "source": {"const": f"/rahnama/{source}"},
        "subject": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "tenant": {"type": "string"},
        "sequence": {"type": "string", "pattern": "^[0-9]{16}$"},
        "previous": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "causationid": {"type": "string"},
    }
    required = ["specversion", "id", "source", "type", *list(attributes)[2:], "data"]
    return Message(type_, _summary(shape), _envelope(type_, required, attributes, _json_schema(shape)))


def _envelope(type_: str, required: list[str], attributes: Schema, data: Schema) -> Schema:
    return {
        "type": "object",
        "required": required,
        "properties": {"specversion": {"const": "1.0"}, "type": {"const": type_}, **attributes, "data": data},
    }


def _summary(shape: type) -> str:
    """The first sentence of the docstring that is not the type's own name."""
    text = " ".join((shape.__doc__ or "").split())
    return text.split("`: ", 1)[-1] if text.startswith("`") and "`: " in text else text


def _json_schema(shape: type) -> Schema:
    """With every part in its place: the pages of a reader need no second look."""
    (schema,), components = msgspec.json.schema_components([shape], ref_template="{name}")
    resolved: Schema = _resolved(schema, components)
    return resolved


def _resolved(part: Any, components: Mapping[str, Any]) -> Any:
    if isinstance(part, list):
        return [_resolved(item, components) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _resolved(components[part["$ref"]], components)
    return {name: _resolved(value, components) for name, value in part.items() if name != "title"}


def document() -> dict[str, Any]:
    """The document, of one channel for each topic with a message for each type."""
    broker = KafkaBroker("localhost:9092", description="The installation's Kafka (RAHNAMA_KAFKA_BOOTSTRAP).")
    for channel in channels():
        for message in channel.messages:
            model = _model(message)
            if channel.action == "send":
                broker.publisher(
                    channel.topic, schema=model, title=message.type, description=channel.description
                )
            else:
                _subscribe(broker, channel, message, model)
    made: dict[str, Any] = json.loads(
        AsyncAPI(broker, title=TITLE, version=VERSION, description=DESCRIPTION, schema_version="3.0.0")
        .to_specification()
        .to_json()
    )
    return _by_topic(made)


def _model(message: Message) -> type[RootModel[Any]]:
    """A type that FastStream can ask for the schema of an event."""
    shape = Annotated[dict[str, Any], WithJsonSchema(message.payload)]
    return type(message.type, (RootModel[shape],), {"__doc__": message.summary})


def _subscribe(broker: KafkaBroker, channel: Channel, message: Message, model: type[Any]) -> None:
    async def receive(event: Any) -> None: ...

    receive.__annotations__["event"] = model
    broker.subscriber(channel.topic, title=message.type, description=channel.description)(receive)


def _by_topic(made: dict[str, Any]) -> dict[str, Any]:
    """FastStream makes a channel of each publisher and each subscriber; here those of one topic are one.

    Its correlation id is left out: Rahnama's records have none.
    """
    joined, operations, messages = dict[str, Any](), dict[str, Any](), dict[str, Any]()
    for topic, _action, _description, events in channels():
        types = [event.type for event in events]
        for type_ in types:
            [reference] = (part["$ref"] for part in made["channels"][type_]["messages"].values())
            made_message = made["components"]["messages"][reference.removeprefix("#/components/messages/")]
            messages[type_] = {"name": type_, "contentType": CONTENT_TYPE, "payload": made_message["payload"]}
        joined[topic] = {
            **made["channels"][types[0]],
            "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in types},
        }
        operations[topic] = {
            **made["operations"][types[0]],
            "channel": {"$ref": f"#/channels/{topic}"},
            "messages": [{"$ref": f"#/channels/{topic}/messages/{type_}"} for type_ in types],
        }
    schemas = dict(sorted(made["components"]["schemas"].items()))
    components = {"messages": messages, "schemas": schemas}
    return {**made, "channels": joined, "operations": operations, "components": components}


def text() -> str:
    """As it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(text(), encoding="utf-8")
    else:
        print(text(), end="")
