"""Intake's settings: what every service has, and its master key, sources and bounds."""

import base64
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from shared.errors import Misconfigured
from shared.service.read_settings import read_json_object
from shared.service.settings import ServiceSettings

KEY_BYTES = 32


class Settings(ServiceSettings):
    """Each field is the environment variable `RAHNAMA_<FIELD>`."""

    port: int = Field(8001, ge=0, le=65535, description="Port to listen on.")
    master_key_file: Path = Field(description="File with the master key: base64 of 32 bytes.")
    sources: Annotated[dict[str, str], NoDecode] = Field(
        default={"/upstream/demo": "default"},
        description="Which tenant each CloudEvents source belongs to (JSON object); others are refused.",
    )
    transactions_in_flight: int = Field(1, ge=1, le=4, description="Append transactions running at once.")
    gather_milliseconds: float = Field(
        60.0, ge=0, le=200, description="Single events of several senders wait so long for one another."
    )
    queued_events: int = Field(6_000, ge=1, description="Most events that wait; beyond it callers get 503.")
    request_events: int = Field(1000, ge=1, le=10_000, description="Most events of one HTTP batch.")
    request_bytes: int = Field(8 * 1024 * 1024, ge=1024, description="Longest HTTP body.")
    inbound_keep_hours: float = Field(
        11.0,
        gt=0,
        le=12,
        description="An applied record of rahnama.inbound is deleted so many hours later, at most twice as many.",
    )
    event_bytes: int = Field(256 * 1024, ge=1024, description="Longest single event.")

    spreadsheet_tenants: str = Field(
        "",
        description="Tenants whose events may hold what spreadsheets make of values, comma separated; none by default.",
    )

    _read_sources = field_validator("sources", mode="before")(read_json_object)

    @field_validator("spreadsheet_tenants")
    @classmethod
    def _have_sources(cls, value: str, given: ValidationInfo) -> str:
        sources = given.data.get("sources")  # absent where it is wrong itself
        if sources is not None and not set(sources.values()).issuperset(_names(value)):
            raise ValueError("each is a tenant of RAHNAMA_SOURCES")
        return value

    @property
    def tenants_with_spreadsheets(self) -> frozenset[str]:
        """The tenants of `spreadsheet_tenants`."""
        return frozenset(_names(self.spreadsheet_tenants))

    def read_master_key(self) -> bytes:
        """The 32 bytes of `master_key_file`. Raises `Misconfigured` when it holds anything else."""
        try:
            key = base64.b64decode(self.master_key_file.read_text(encoding="ascii").strip(), validate=True)
        except (ValueError, UnicodeDecodeError):
            key = b""
        except OSError as error:
            raise Misconfigured(
                f"RAHNAMA_MASTER_KEY_FILE: {self.master_key_file}: {error.strerror}"
            ) from None
        if len(key) != KEY_BYTES:
            raise Misconfigured(
                f"RAHNAMA_MASTER_KEY_FILE: {self.master_key_file} does not hold a master key: base64 of {KEY_BYTES} bytes"
            )
        return key


def _names(written: str) -> list[str]:
    return [name.strip() for name in written.split(",") if name.strip()]
