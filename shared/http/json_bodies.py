"""JSON bodies of a few fields. FastAPI reads and parses a body that a route declares before any dependency of the route,
the caller's check included; these are read by the handler, which runs after it.

    LOOKUP: Final = JsonBody(Lookup)

    @router.post("/v1/students/lookup", openapi_extra=LOOKUP.openapi)
    async def look_up_student(request: Request, caller: Reader) -> Any:
        wanted = await LOOKUP.read(request)
"""

from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from shared.errors import Rejected
from shared.http.bodies import read_body, require_content_type
from shared.http.validation import field_errors

JSON: Final = "application/json"
MAX_JSON_BYTES: Final = 4096

Shape = TypeVar("Shape", bound=BaseModel)


class JsonBody(Generic[Shape]):
    """A body that fits `shape`, of at most `limit` bytes. With `default` it may be left out, or be `null`."""

    def __init__(
        self, shape: type[Shape], *, default: Shape | None = None, limit: int = MAX_JSON_BYTES
    ) -> None:
        accepted: Any = shape if default is None else shape | None
        self._adapter: TypeAdapter[Shape | None] = TypeAdapter(accepted)
        self._default = default
        self._limit = limit
        self.openapi = request_body({JSON: shape.model_json_schema()}, required=default is None)
        """What the route gives FastAPI as `openapi_extra`."""

    async def read(self, request: Request) -> Shape:
        """The body.

        Raises:
            Rejected: its type is another one (415), it is too long (413), missing, incomplete or no JSON (400), or it
                does not fit (422).
            ClientDisconnect: the connection ended within the body.
        """
        if self._default is not None and not _has_body(request):
            return self._default
        require_content_type(request, (JSON,), json=JSON)
        body = await read_body(request, self._limit)
        try:
            value = self._adapter.validate_json(body)
        except ValidationError as error:
            # Neither the body nor the errors that pydantic made of it are kept as a cause: they hold its values.
            found = error.errors(include_url=False, include_input=False)
        else:
            fitting = self._default if value is None else value
            assert fitting is not None
            return fitting
        errors = field_errors([{**one, "loc": ("body", *one["loc"])} for one in found])
        code = errors[0].code if len(errors) == 1 else Rejected.code
        raise Rejected("The request does not fit; see `errors`.", code=code, errors=errors)


def request_body(schemas: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The description of a body by its media types."""
    content = {media_type: {"schema": schema} for media_type, schema in schemas.items()}
    return {"requestBody": {"required": required, "content": content}}


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
