"""Tokens that are refused before they expire: `{"jti": ["…"], "sub": ["…"]}` in a file that is read again when it changed.

`jti` revokes one token (RFC 7519, section 4.1.7), `sub` every token of a subject.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from shared.http.files import WatchedFile


class Revoked(NamedTuple):
    """What the file lists."""

    jti: frozenset[str]
    sub: frozenset[str]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    jti: list[str] = []
    sub: list[str] = []


_NOTHING: Final = Revoked(frozenset(), frozenset())
_document: Final = msgspec.json.Decoder(_Document)


def read_revocations(content: bytes) -> Revoked:
    """The revoked `jti` and `sub`. Raises `ValueError` when `content` is not such a document."""
    try:
        document = _document.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError('expected a JSON object {"jti": [...], "sub": [...]} of strings') from error
    return Revoked(frozenset(document.jti), frozenset(document.sub))


class Revocations:
    """The revocations of `path`; none when there is no file. `changed` is called after other ones were read."""

    def __init__(self, path: Path | None, changed: Callable[[], None]) -> None:
        """Raises `Misconfigured` when the file cannot be used."""
        self._file = (
            None
            if path is None
            else WatchedFile(path, read_revocations, changed, setting="RAHNAMA_REVOCATIONS_FILE")
        )

    def refresh(self) -> None:
        """Reads the file again if it changed. Keeps what is revoked if it is unusable."""
        if self._file is not None:
            self._file.refresh()

    def includes(self, claims: Mapping[str, Any]) -> bool:
        """Whether the token with these claims is revoked."""
        revoked = _NOTHING if self._file is None else self._file.content
        return claims.get("sub") in revoked.sub or claims.get("jti") in revoked.jti
