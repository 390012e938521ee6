"""Tokens that are refused before they expire: `{"jti": ["…"], "sub": [{"tenant": "…", "sub": "…"}]}` in a file.

`jti` revokes one token (RFC 7519, section 4.1.7), `sub` every token of a subject of a tenant; a subject given as mere
text is revoked in all tenants. The file is read again when it changed.
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
    """In all tenants."""
    subjects: frozenset[tuple[str, str]]
    """(tenant, sub)."""


class _Subject(msgspec.Struct, forbid_unknown_fields=True):
    tenant: str
    sub: str


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    jti: list[str] = []
    sub: list[str | _Subject] = []


_NOTHING: Final = Revoked(frozenset(), frozenset(), frozenset())
_document: Final = msgspec.json.Decoder(_Document)


def read_revocations(content: bytes) -> Revoked:
    """The revoked tokens and subjects. Raises `ValueError` when `content` is not such a document."""
    try:
        document = _document.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            'expected a JSON object {"jti": [...], "sub": [...]} of strings; in "sub" also {"tenant": ..., "sub": ...}'
        ) from error
    return Revoked(
        frozenset(document.jti),
        frozenset(one for one in document.sub if isinstance(one, str)),
        frozenset((one.tenant, one.sub) for one in document.sub if not isinstance(one, str)),
    )


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
        """Whether the token with these well-formed claims is revoked."""
        revoked = _NOTHING if self._file is None else self._file.content
        subject = claims.get("sub")
        return (
            subject in revoked.sub
            or (claims.get("tenant"), subject) in revoked.subjects
            or claims.get("jti") in revoked.jti
        )
