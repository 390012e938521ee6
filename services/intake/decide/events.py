"""Inbound CloudEvents 1.0 as they arrive: structured JSON, or Kafka's binary mode."""

from collections.abc import Iterable
from typing import Any

import msgspec

from shared.errors import FieldError


class InboundEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event whose envelope is valid. `data` is decoded JSON, or `UNSET` when there is none.

    `occurred_at` is the attribute `time` in UTC (27 characters); `traceparent` the W3C one, if valid.
    """

    id: str
    source: str
    type: str
    occurred_at: str | None
    traceparent: str | None
    data: Any


class BrokenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What is no valid CloudEvent. `id` and `source` are given when they, at least, are valid."""

    id: str | None
    source: str | None
    errors: tuple[FieldError, ...]


def open_event(value: bytes | msgspec.Raw) -> InboundEvent | BrokenEvent:
    """The event of one JSON document (structured mode, or one item of a batch). Never raises."""
    raise NotImplementedError


def open_record(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> InboundEvent | BrokenEvent:
    """The event of a Kafka record, binary (`ce_…` headers) or structured by its content-type. Never raises."""
    raise NotImplementedError
