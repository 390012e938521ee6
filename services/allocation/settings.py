"""Allocation's settings, read once from the environment."""

from pydantic import Field

from shared.service.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service needs; allocation listens on 8002."""

    port: int = Field(8002, ge=0, le=65535, description="Port to listen on.")
