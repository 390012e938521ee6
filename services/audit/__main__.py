"""`python -m services.audit` serves; `python -m services.audit migrate` migrates."""

from services.audit.app import build
from services.audit.settings import Settings
from shared.service.main import main

main("audit", Settings, build, ["shared.inbox", "services.audit"])
