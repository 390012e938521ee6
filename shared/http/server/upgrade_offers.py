"""Offers to upgrade (`Upgrade: h2c`), which a server may ignore (RFC 9110, section 7.8)."""

from collections.abc import Iterable
from typing import Final

_HOP_FIELDS: Final = frozenset({b"upgrade", b"http2-settings"})


def head_without_offer(
    method: bytes, url: bytes, version: str, headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """A request's head as it was parsed (names in lower case), without the offer to upgrade."""
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    for name, value in headers:
        if name in _HOP_FIELDS:
            continue
        if name == b"connection":
            value = b", ".join(_tokens_kept(value.split(b",")))
            if not value:
                continue
        lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _tokens_kept(tokens: Iterable[bytes]) -> list[bytes]:
    stripped = (token.strip() for token in tokens)
    return [token for token in stripped if token and token.lower() not in _HOP_FIELDS]
