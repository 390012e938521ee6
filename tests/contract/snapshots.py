"""Where the golden files are, and what this code would write into each."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from services.intake.decide import messages
from shared.contracts.decisions import DECISION_TYPES
from shared.contracts.envelope import Envelope, encode, leaf_hash
from shared.contracts.facts import FACT_TYPES
from shared.contracts.rejections import RejectionEvent
from tests.contract.examples import DECISIONS, FACTS, REJECTION, decision_envelope, fact_envelope
from tests.contract.inbound_examples import INBOUND, command_bytes, inbound_bytes

GOLDEN: Final = Path(__file__).parent / "golden"
LOG_TYPES: Final[dict[str, Any]] = {**FACT_TYPES, **DECISION_TYPES}
INBOUND_FIELDS: Final = {type_: kind.fields for type_, kind in messages.INBOUND.items()}


def made() -> dict[str, bytes]:
    """Every golden file by its name below `golden/`, as the present code makes it."""
    files: dict[str, bytes] = {}
    for name in INBOUND:
        files[f"inbound/{name}.json"] = inbound_bytes(name)
        files[f"inbound/{name}.command.json"] = command_bytes(inbound_bytes(name))
        files[f"schemas/{name}.json"] = _json(
            {field.name: "required" if field.required else "optional" for field in INBOUND_FIELDS[name]}
        )
    for envelope in log_examples():
        value = encode(envelope)
        files[f"log/{envelope.type}.json"] = value
        files[f"log/{envelope.type}.hash"] = leaf_hash(value).hex().encode()
        files[f"schemas/{envelope.type}.json"] = _json(schema(LOG_TYPES[envelope.type]))
    files[f"rejections/{REJECTION.type}.json"] = msgspec.json.encode(REJECTION)
    files[f"schemas/{REJECTION.type}.json"] = _json(schema(RejectionEvent))
    files["schemas/envelope.json"] = _json(list(Envelope.__struct_fields__))
    return files


def log_examples() -> Iterable[Envelope]:
    """The example of every fact and decision."""
    yield from map(fact_envelope, FACTS)
    yield from map(decision_envelope, DECISIONS)


def schema(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of a struct, without its docstrings: words may change."""
    found: dict[str, Any] = _without_words(msgspec.json.schema(shape))
    return found


def _without_words(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_words(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without_words(item)
        for name, item in value.items()
        if name != "description" or not isinstance(item, str)
    }


def breaking_changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What a reader of `before` would miss in `after` (JSON schemas of structs, as msgspec makes them)."""
    found = []
    for name, shape in sorted(before["$defs"].items()):
        now = after["$defs"].get(name, {})
        required = set(now.get("required", ()))
        for field, type_before in shape.get("properties", {}).items():
            type_after = now.get("properties", {}).get(field)
            if type_after is None:
                found.append(f"{name}.{field} was removed")
            elif type_after != type_before:
                found.append(f"{name}.{field} has another type")
            elif field in shape.get("required", ()) and field not in required:
                found.append(f"{name}.{field} may now be absent")
        found += [
            f"{name}.{field} is new and required: events of before cannot be read"
            for field in sorted(required - set(shape.get("required", ())))
        ]
    return found


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
