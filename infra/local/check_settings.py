"""Every setting is checked before anything starts, so that a wrong one is reported at once and by its name."""

import difflib
import importlib
import os
from pathlib import Path

from infra.local.errors import LocalError
from infra.local.tokens import ISSUER
from infra.services import NAMES
from shared.errors import Misconfigured
from shared.http.auth.revocations import Revocations
from shared.service.read_settings import PREFIX, read_settings
from shared.service.settings import ServiceSettings

SETTINGS: dict[str, type[ServiceSettings]] = {
    name: importlib.import_module(f"services.{name}.settings").Settings for name in NAMES
}
# What the local tool gives each service itself, so that nothing of the environment reaches it.
_GIVEN = {
    "database_url": "postgresql://",
    "kafka_bootstrap": "127.0.0.1:9092",
    "topic_prefix": "",
    "host": "127.0.0.1",
    "port": 1,
    "jwks_file": Path("jwks.json"),
    "jwt_issuer": ISSUER,
}
LOCAL = frozenset(
    {"HOME", "KAFKA_PORT", "TEST_KAFKA", "TEST_POSTGRES", *(f"{name.upper()}_PORT" for name in NAMES)}
)
"""The local tool's own, without `RAHNAMA_`."""


def check_settings() -> None:
    """Raises `LocalError` with a line for each setting of the environment that is wrong or looks misspelled."""
    faults: dict[str, None] = {}
    for service, shape in SETTINGS.items():
        given = {**_GIVEN, **({"master_key_file": Path("master.key")} if service == "intake" else {})}
        try:
            settings = read_settings(shape, **given)
            Revocations(settings.revocations_file, lambda: None)
        except Misconfigured as error:
            faults |= dict.fromkeys(str(error).splitlines())
    faults |= dict.fromkeys(_misspelled())
    if faults:
        raise LocalError("\n".join(faults))


def _misspelled() -> list[str]:
    """Variables that are nobody's setting and close to one: they would have no effect, silently."""
    known = {PREFIX + name.upper() for shape in SETTINGS.values() for name in shape.model_fields}
    known |= {PREFIX + name for name in LOCAL}
    found = []
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known:
            near = difflib.get_close_matches(variable, sorted(known), 1, cutoff=0.85)
            found += [f"{variable} is not a setting; did you mean {near[0]}?"] if near else []
    return found
