"""The settings every service has, read once from the environment (`RAHNAMA_…`) and passed on."""

import re
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts.partitions import DEFAULT_COUNT, require_even
from shared.service.addresses import require_brokers, require_dsn

_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
MOST_PER_SECOND: Final = 1_000_000
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _rate(default: int, kind: str, who: str) -> Any:
    description = f"Most {kind} of one {who} a second, over 10 s; 0: no limit."
    return Field(default, ge=0, le=MOST_PER_SECOND, description=description)


class ServiceSettings(BaseSettings):
    """What every service needs. Each field is the environment variable `RAHNAMA_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="RAHNAMA_", frozen=True, extra="ignore")

    database_url: str = Field(description="Postgres DSN of the service's own database and role.")
    database_pool_size: int = Field(
        8, ge=2, le=64, description="Most connections of each pool: one for reads, one for all else."
    )
    read_seconds: float = Field(10.0, gt=0, le=50, description="Longest statement of a read over REST.")
    kafka_bootstrap: str = Field("127.0.0.1:9092", description="host:port of the brokers, comma separated.")
    topic_prefix: str = Field("", description="Stands before every topic's name.")
    partitions: int = Field(DEFAULT_COUNT, description="Partitions of every log; even, fixed for ever.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(0, ge=0, le=65535, description="Port to listen on.")
    connections: int = Field(1000, ge=10, le=100_000, description="Most HTTP connections at once.")
    bytes_in_flight: int = Field(
        24 * 1024 * 1024, ge=16 * 1024 * 1024, description="Most bytes of HTTP bodies held at once."
    )
    jwks_file: Path = Field(description="Public keys (JWKS) that tokens are checked with.")
    jwt_issuer: str = Field("rahnama-local", description="The only `iss` that is accepted.")
    cors_origins: str = Field(
        "", description="Origins that browsers may call from, comma separated; none by default."
    )
    token_hours: float = Field(24.0, gt=0, le=24 * 366, description="Longest lifetime of a token, in hours.")
    revocations_file: Path | None = Field(
        None, description="Tokens refused before they expire, by jti and sub."
    )
    batch_records: int = Field(2000, ge=1, le=10_000, description="Most records in one transaction.")
    poll_seconds: float = Field(0.2, gt=0, le=5, description="Longest wait of one Kafka poll.")
    session_timeout_seconds: float = Field(6.0, ge=1, le=60, description="Kafka group session time-out.")
    position_wait_seconds: float = Field(2.0, ge=0, le=30, description="Longest wait for `min_position`.")
    verification_seconds: float = Field(
        3600.0, gt=0, le=86_400, description="Longest verification of the service's read models."
    )
    verifications: int = Field(
        4, ge=1, le=64, description="Most verifications at once, each of another tenant."
    )
    subject_reads_per_second: int = _rate(500, "reads", "subject")
    subject_writes_per_second: int = _rate(2000, "writes", "subject")
    tenant_reads_per_second: int = _rate(1000, "reads", "tenant")
    tenant_writes_per_second: int = _rate(4000, "writes", "tenant")
    log_level: LogLevel = Field("INFO", description="Least severe level that is logged.")

    _dsn = field_validator("database_url")(require_dsn)
    _brokers = field_validator("kafka_bootstrap")(require_brokers)

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        for origin in filter(None, value.split(",")):
            if _ORIGIN.fullmatch(origin.strip()) is None:
                raise ValueError("an origin is scheme://host, with a port where it is not the usual one")
        return value

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins of `cors_origins`."""
        return tuple(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())

    @field_validator("partitions")
    @classmethod
    def _even(cls, value: int) -> int:
        return require_even(value)

    def topic(self, name: str) -> str:
        """The topic `rahnama.<name>` with this installation's prefix."""
        return f"{self.topic_prefix}rahnama.{name}"
