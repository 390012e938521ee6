"""Slots of reads that scan."""

from contextlib import AbstractContextManager

import pytest

from shared.errors import RahnamaError
from shared.http.auth.callers import Caller
from shared.http.expensive_reads import ExpensiveReadRunning, ExpensiveReads, VerificationRunning

FREE = None


def caller(subject: str, tenant: str = "default") -> Caller:
    return Caller(tenant, subject, frozenset({"auditor"}))


def refusal(slot: AbstractContextManager[None]) -> type[RahnamaError] | None:
    """What refuses the slot; `FREE`: it was taken, and given back."""
    try:
        with slot:
            return FREE
    except RahnamaError as error:
        return type(error)


def test_a_caller_has_one_expensive_read_at_a_time_of_whatever_kind() -> None:
    expensive = ExpensiveReads(4)
    with expensive.slot(caller("one")):
        assert refusal(expensive.slot(caller("one"))) is ExpensiveReadRunning
        assert refusal(expensive.verification_slot(caller("one"))) is ExpensiveReadRunning
        assert refusal(expensive.slot(caller("two"))) is FREE
        assert refusal(expensive.slot(caller("one", "other"))) is FREE
    assert refusal(expensive.slot(caller("one"))) is FREE


def test_a_read_that_does_not_scan_takes_no_slot() -> None:
    expensive = ExpensiveReads(4)
    with expensive.slot(caller("one")):
        assert refusal(expensive.slot(caller("one"), scans=False)) is FREE
    with expensive.slot(caller("one"), scans=False):
        assert refusal(expensive.slot(caller("one"))) is FREE


def test_a_tenant_has_one_verification_at_a_time_and_does_not_hold_up_another() -> None:
    expensive = ExpensiveReads(4)
    with expensive.verification_slot(caller("one")):
        assert refusal(expensive.verification_slot(caller("two"))) is VerificationRunning
        assert refusal(expensive.slot(caller("two"))) is FREE
        assert refusal(expensive.verification_slot(caller("one", "other"))) is FREE
    assert refusal(expensive.verification_slot(caller("two"))) is FREE


def test_verifications_of_all_tenants_are_bounded() -> None:
    expensive = ExpensiveReads(1)
    with expensive.verification_slot(caller("one")):
        assert refusal(expensive.verification_slot(caller("one", "other"))) is VerificationRunning
        assert refusal(expensive.slot(caller("one", "other"))) is FREE


@pytest.mark.parametrize("verifies", [False, True])
def test_a_read_that_fails_frees_its_slots(verifies: bool) -> None:
    expensive = ExpensiveReads(1)
    slot = expensive.verification_slot if verifies else expensive.slot
    with pytest.raises(ZeroDivisionError), slot(caller("one")):
        raise ZeroDivisionError
    assert refusal(slot(caller("one"))) is FREE
