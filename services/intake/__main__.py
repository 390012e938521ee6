"""`python -m services.intake` serves; `… migrate` migrates; `… recover` and `… rebuild` mend its database."""

from services.intake.app import build
from services.intake.recover.rebuild import rebuild
from services.intake.recover.recover import recover
from services.intake.settings import Settings
from shared.service.main import main

main(
    "intake",
    Settings,
    build,
    ["shared.append", "services.intake"],
    {"rebuild": rebuild},
    {"recover": recover},
)
