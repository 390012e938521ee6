"""The OpenAPI document, with the problems every route may answer and the roles that reach it."""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from shared.http.auth.roles import roles_of

_TEXT: Final = {"type": "string"}
_FIELD_ERROR: Final = {
    "type": "object",
    "required": ["pointer", "code", "message"],
    "properties": {"pointer": _TEXT, "code": _TEXT, "message": _TEXT, "message_fa": _TEXT},
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": _TEXT,
        "detail": _TEXT,
        "instance": _TEXT,
        "trace_id": _TEXT,
        "errors": {"type": "array", "items": _FIELD_ERROR},
    },
}
PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "A problem (RFC 9457)",
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    }
}


def problem_content() -> dict[str, Any]:
    """The content of a response that is a problem."""
    return {"application/problem+json": {"schema": _PROBLEM}}


def schema_of(shape: type) -> dict[str, Any]:
    """The JSON schema of a msgspec type without recursion, with nothing outside it."""
    (root,), components = msgspec.json.schema_components([shape])
    return cast(dict[str, Any], _resolved(root, components))


def _resolved(part: Any, components: Mapping[str, Any]) -> Any:
    match part:
        case {"$ref": str(name)}:
            return _resolved(components[name.rsplit("/", 1)[-1]], components)
        case dict():
            return {key: _resolved(value, components) for key, value in part.items()}
        case list():
            return [_resolved(value, components) for value in part]
        case _:
            return part


def describe(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document; each operation says which roles reach it (`x-roles`)."""
    document = app.openapi()
    document.setdefault("components", {})["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for route in iter_route_contexts(app.routes):
        roles = roles_of(route)
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None and roles is not None:
                operation["security"] = [{"bearer": []}]
                operation["x-roles"] = sorted(roles)
    return document
