"""Audit's settings, read once from the environment."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.contracts.decisions import ALLOCATION_SOURCE
from shared.contracts.facts import INTAKE_SOURCE
from shared.service.addresses import require_base_url
from shared.service.read_settings import read_json_object
from shared.service.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service needs; audit listens on 8003 and bounds its verifications."""

    port: int = Field(8003, ge=0, le=65535, description="Port to listen on.")
    verification_batch_records: int = Field(
        1000, ge=1, le=4000, description="Most records that a verification holds in memory at a time."
    )
    verification_idle_seconds: float = Field(
        10.0, gt=0, le=120, description="Longest wait of a verification for a topic that does not answer."
    )
    producer_urls: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="Base URLs of the services that own the logs, whose databases verifications compare (JSON object).",
    )

    _read_producer_urls = field_validator("producer_urls", mode="before")(read_json_object)

    @field_validator("producer_urls")
    @classmethod
    def _of_known_sources(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(value) - {INTAKE_SOURCE, ALLOCATION_SOURCE}):
            raise ValueError(f"{INTAKE_SOURCE} and {ALLOCATION_SOURCE} own logs, not {', '.join(unknown)}")
        for url in value.values():
            require_base_url(url)
        return value

    @property
    def log_topics(self) -> dict[str, str]:
        """The logs that audit keeps, with their topics' names."""
        return {source: self.topic(source) for source in (INTAKE_SOURCE, ALLOCATION_SOURCE)}
