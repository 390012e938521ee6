"""`python -m services.allocation` serves; `python -m services.allocation migrate` migrates."""

from services.allocation.app import build
from services.allocation.settings import Settings
from shared.main import main

main("allocation", Settings, build, ["shared.append", "shared.inbox", "services.allocation"])
