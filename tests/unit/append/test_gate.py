"""The gate is closed until the look opens it."""

import pytest

from shared.append.log import Gate, Log
from shared.errors import GateClosed, Unavailable


def test_it_is_closed_at_first_and_says_why() -> None:
    gate = Gate("intake")
    assert not gate.is_open
    with pytest.raises(
        GateClosed, match="the log of intake is closed: the log was not compared with its topic yet"
    ):
        gate.require_open()


def test_once_open_it_lets_through() -> None:
    gate = Gate("intake")
    gate.open()
    gate.require_open()
    assert (gate.is_open, gate.reason) == (True, None)


def test_closed_again_it_gives_the_new_reason() -> None:
    gate = Gate("allocation")
    gate.open()
    gate.close("a fork")
    with pytest.raises(GateClosed, match="the log of allocation is closed: a fork"):
        gate.require_open()


def test_a_closed_gate_is_an_error_that_passes() -> None:
    assert issubclass(GateClosed, Unavailable)
    assert GateClosed.retry_after_seconds > 0


def test_a_log_shares_the_gate_it_is_given() -> None:
    gate = Gate("intake")
    assert Log("intake", gate).gate is gate
    assert not Log("intake").gate.is_open
