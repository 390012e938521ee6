"""A file that is read again when it changed: keys and revocations are replaced without a restart."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from shared.errors import Misconfigured
from shared.telemetry import described

CHECK_SECONDS: Final = 2.0
"""The file's status is read no more often than this."""
MAX_FILE_BYTES: Final = 1 << 20

_log = structlog.get_logger()

Content = TypeVar("Content")


class WatchedFile(Generic[Content]):
    """The parsed content of a file of at most 1 MiB. `changed` is called after other content was read."""

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], Content],
        changed: Callable[[], None],
        *,
        setting: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `Misconfigured`, naming `setting`, when the file cannot be used; `parse` raises `ValueError`."""
        self._path = path
        self._parse = parse
        self._changed = changed
        self._setting = setting
        self._clock = clock
        try:
            self._mark = self._status()
            self.content = parse(self._read())
        except OSError as error:
            raise Misconfigured(f"{setting}: {path}: {error.strerror}") from None
        except ValueError as error:
            raise Misconfigured(f"{setting}: {path}: {error}") from None
        self._checked_at = clock()

    def refresh(self) -> None:
        """Reads the file again if it changed. Keeps the content, and logs why, if the new one is unusable."""
        now = self._clock()
        if now - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = now
        try:
            mark = self._status()
            if mark == self._mark:
                return
            content = self._parse(self._read())
        except (OSError, ValueError) as error:
            _log.warning("file_unusable", setting=self._setting, error=described(error))
            return
        self._mark, self.content = mark, content
        self._changed()

    def _status(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ValueError(f"longer than {MAX_FILE_BYTES} bytes")
        return content
