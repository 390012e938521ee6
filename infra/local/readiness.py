"""What `/readyz` of a service says of its log and topic: in agreement, a closed gate, or a foreign record."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from shared.relay.diagnosis import DISAGREEMENTS, FOREIGN, FOREIGN_RECORD

CLOSED: Final = "closed: reads only"
FOREIGN_STAGE: Final = "foreign record"
_SECONDS: Final = 3.0


def disagreement(readiness: Mapping[str, Any]) -> str | None:
    """Why log and topic tell different stories, if they do: that does not pass by waiting."""
    reason = readiness.get("parts", {}).get("relay")
    if reason is None or not any(sign in reason for sign in DISAGREEMENTS):
        return None
    return str(reason)


def is_foreign_record(reason: str) -> bool:
    """Whether the gate is open, and the topic alone is the trouble: a closed gate is reported before a foreign record."""
    return FOREIGN in reason or FOREIGN_RECORD in reason


def stage_of(reason: str | None) -> str:
    """The stage of a service with this disagreement, for a person to read."""
    if reason is None:
        return "ready"
    return FOREIGN_STAGE if is_foreign_record(reason) else CLOSED


def disagreements_now(urls: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Those of `known` that are there still, as the services describe them now; one that does not answer keeps its own."""
    found = {}
    for name, before in known.items():
        try:
            answer = httpx.get(f"{urls[name]}/readyz", timeout=_SECONDS, trust_env=False)
            reason = None if answer.status_code == httpx.codes.OK else disagreement(answer.json())
        except (httpx.HTTPError, ValueError):
            reason = before
        if reason is not None:
            found[name] = reason
    return found
