"""What a service calls itself in spans and metrics."""

import os
from functools import cached_property

from opentelemetry.sdk.resources import Resource


def resource_of(service: str) -> Resource:
    """By OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; `service` without a name there."""
    named = Resource.create(
        {"service.name": os.environ.get("OTEL_SERVICE_NAME") or service, "service.namespace": "rahnama"}
    )
    return _HashedOnce(named.attributes, named.schema_url)


class _HashedOnce(Resource):
    """A resource never changes, yet its hash is that of its JSON, made anew for every span that is exported."""

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()

    def __hash__(self) -> int:
        return self._hash
