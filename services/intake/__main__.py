"""`python -m services.intake` serves; `python -m services.intake migrate` migrates."""

from services.intake.app import build
from services.intake.settings import Settings
from shared.main import main

main("intake", Settings, build, ["shared.append", "services.intake"])
