"""Whose data an event holds: by one look-up an erasure finds what was kept of a person, so no more than one may be in it."""

import re
from typing import Any, Final

import msgspec

from services.intake.crypto.sealing import TenantKey
from services.intake.decide import normalise
from services.intake.decide.commands import Command
from services.intake.decide.events import UTF8_BOM, BrokenEvent, InboundEvent

_KEY: Final = b"national_id"
_BASE64: Final = b"data_base64"
_WRITTEN: Final = re.compile(rb'"national_id"\s*:\s*"?([^"\\,}]{1,64})')
_ESCAPE: Final = re.compile(rb"\\u([0-9a-fA-F]{4})")
_ESCAPED_ASCII: Final = re.compile(rb"\\u00[2-7]")
"""JSON may spell any letter so, also those of a key."""


def lookup_of(
    key: TenantKey, command: Command | None, event: InboundEvent | BrokenEvent, value: bytes
) -> bytes | None:
    """Of an accepted student, and of a refused one whose national ID can be read: erasure must find it."""
    if command is not None:
        return None if command.national_id is None else key.lookup(command.national_id)
    return _in_data(key, event) or _in_text(key, value)


def names_several(event: InboundEvent | BrokenEvent, value: bytes) -> bool:
    """Whether `value`, as it came, may hold data of more than one person; when in doubt it may."""
    text = _unescaped(value) if _ESCAPED_ASCII.search(value) else value
    if text.count(_KEY) > 1 or text.removeprefix(UTF8_BOM).lstrip()[:1] == b"[":
        return True
    if _BASE64 not in text:
        return False
    return isinstance(event, BrokenEvent) or _occurrences(event.data) + text.count(_KEY) > 1


def _occurrences(data: object) -> int:
    return 0 if data is msgspec.UNSET else msgspec.json.encode(data).count(_KEY)


def _in_data(key: TenantKey, event: InboundEvent | BrokenEvent) -> bytes | None:
    data: Any = event.data if isinstance(event, InboundEvent) else None
    return _lookup(key, data.get("national_id")) if isinstance(data, dict) else None


def _in_text(key: TenantKey, value: bytes) -> bytes | None:
    """The first in what is no valid event, or holds it elsewhere than a valid one."""
    found = _WRITTEN.search(_unescaped(value))
    return _lookup(key, found[1].decode("utf-8", "replace")) if found is not None else None


def _unescaped(value: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "replace"), value)


def _lookup(key: TenantKey, value: object) -> bytes | None:
    try:
        return key.lookup(normalise.national_id(value))
    except normalise.Invalid:
        return None
