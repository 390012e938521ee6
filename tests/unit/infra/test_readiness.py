"""A service's stage follows from what it reports now; a foreign record is not a closed gate."""

import pytest

from infra.local.readiness import CLOSED, FOREIGN_STAGE, disagreement, disagreements_now, stage_of
from infra.local.status import stage_now
from shared.relay.diagnosis import FORKED, RESTORED
from shared.relay.foreign import ForeignRecord

PLACE = "partition 3 of rahnama.intake: "
GATE_REASONS = (
    f"{PLACE}it holds sequence 9, but the log ends at 7: {RESTORED}",
    f"{PLACE}sequence 7 at offset 3 {FORKED}: the topic has the hash aa, the log bb",
)
FOREIGN_REASONS = tuple(
    PLACE + record.reason
    for record in (
        ForeignRecord(3, None, b"", None),
        ForeignRecord(3, None, b"h" * 32, None),
        ForeignRecord(3, 7, b"h" * 32, None),
        ForeignRecord(3, 7, b"h" * 32, b"k" * 32),
    )
)


@pytest.mark.parametrize("reason", GATE_REASONS)
def test_a_closed_gate_is_a_service_that_only_reads(reason: str) -> None:
    assert disagreement({"parts": {"relay": reason}}) == reason
    assert stage_of(reason) == CLOSED


@pytest.mark.parametrize("reason", FOREIGN_REASONS)
def test_a_foreign_record_beside_an_open_gate_is_no_closed_service(reason: str) -> None:
    assert disagreement({"parts": {"relay": reason}}) == reason
    assert stage_of(reason) == FOREIGN_STAGE


@pytest.mark.parametrize("parts", [{}, {"relay": None}, {"relay": "the relay does not run"}])
def test_what_passes_by_itself_is_no_disagreement(parts: dict[str, str | None]) -> None:
    assert disagreement({"parts": parts}) is None


@pytest.mark.parametrize("stage", ["ready", CLOSED, FOREIGN_STAGE])
def test_the_stage_follows_what_the_service_reports_now(stage: str) -> None:
    assert stage_now(stage, ready=True, disagreement=None) == "ready"
    assert stage_now(stage, ready=False, disagreement=None) == "not ready"
    assert stage_now(stage, ready=False, disagreement=GATE_REASONS[0]) == CLOSED
    assert stage_now(stage, ready=False, disagreement=FOREIGN_REASONS[0]) == FOREIGN_STAGE


def test_a_part_that_restarts_keeps_its_stage() -> None:
    assert stage_now("restarting (1 of 5)", ready=True, disagreement=None) == "restarting (1 of 5)"


def test_a_service_that_does_not_answer_keeps_the_disagreement_of_its_start() -> None:
    known = {"intake": GATE_REASONS[0]}
    assert disagreements_now({"intake": "http://127.0.0.1:1"}, known) == known
