"""`python -m services.allocation` serves; `… migrate` migrates; `… recover` and `… rebuild` mend its database."""

from services.allocation.app import build
from services.allocation.recover.rebuild import rebuild
from services.allocation.recover.recover import recover
from services.allocation.settings import Settings
from shared.service.main import main

main(
    "allocation",
    Settings,
    build,
    ["shared.append", "shared.inbox", "services.allocation"],
    {"rebuild": rebuild},
    {"recover": recover},
)
