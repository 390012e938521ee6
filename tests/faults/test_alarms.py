"""An alarm that does not come is a violation in the words of its fault, not an error of the trial."""

import pytest

from tests.faults.fault_context import Expected
from tests.faults.kinds import alarms


async def test_what_a_fault_must_lead_to_is_expected_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "ALARM_SECONDS", 0.0)
    asked = 0

    async def attempt() -> bool:
        nonlocal asked
        asked += 1
        return asked == 1

    await alarms.require(attempt, "no alarm")
    with pytest.raises(Expected, match="no alarm"):
        await alarms.require(attempt, "no alarm", pause_seconds=0.0)
    assert asked >= 2
