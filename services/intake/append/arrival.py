"""An event as a door hands it to the writer: opened, normalised, and named by its digests; nothing was stored yet."""

from typing import Literal

import msgspec

from services.intake.decide.commands import Command
from shared.errors import FieldError

Door = Literal["http", "kafka"]


class Arrival(msgspec.Struct, kw_only=True):
    """One event. Either `command` is what it asks for, or `errors` say why it is refused.

    `key` is its idempotency key, None when the event has no valid source and id. `lookup` is the HMAC of the
    national ID, where one could be read. `raw` is kept, sealed, when it is refused; `partition` and `offset`
    are those of `rahnama.inbound`. `centers` are those that the event names readably.
    """

    tenant: str
    source: str | None
    id: str | None
    key: bytes | None
    causation_id: str
    digest: bytes
    type: str | None
    command: Command | None
    errors: tuple[FieldError, ...]
    lookup: bytes | None
    fingerprint: bytes
    traceparent: str | None
    raw: bytes
    door: Door
    centers: tuple[int, ...] = ()
    partition: int | None = None
    offset: int | None = None
