"""The W3C traceparent, strictly (Trace Context, level 1, section 3.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry import accept_traceparent, is_sampled, trace_id, unsampled_traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_valid_one_is_taken_as_it_is(flags: str) -> None:
    text = f"00-{TRACE}-{SPAN}-{flags}"
    assert accept_traceparent(text) == text
    assert accept_traceparent(text.encode()) == text
    assert is_sampled(text) == (flags == "01")
    assert trace_id(text) == TRACE


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (f"00-{TRACE}-{SPAN}-03", "01"),
        (f"00-{TRACE}-{SPAN}-ff", "01"),
        (f"00-{TRACE}-{SPAN}-02", "00"),
        (f"cc-{TRACE}-{SPAN}-01", "01"),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", "01"),
        (f"cc-{TRACE}-{SPAN}-00-", "00"),
    ],
)
def test_later_versions_and_other_flags_are_taken_as_version_00(given: str, taken: str) -> None:
    assert accept_traceparent(given) == f"00-{TRACE}-{SPAN}-{taken}"


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        b"",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01x",
        f"cc-{TRACE}-{SPAN}-01.x",
        f"00{TRACE}{SPAN}01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        "٠٠" + f"-{TRACE}-{SPAN}-01",
        b"\xff" * 55,
        "00-" * 10_000,
    ],
)
def test_what_is_not_valid_is_none(given: str | bytes | None) -> None:
    assert accept_traceparent(given) is None


@given(
    st.one_of(st.text(), st.binary(), st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.?"))
)
def test_whatever_comes_the_result_is_valid_or_none(given: str | bytes) -> None:
    taken = accept_traceparent(given)
    assert taken is None or (len(taken) == 55 and accept_traceparent(taken) == taken)


def test_a_new_one_is_valid_unsampled_and_random() -> None:
    made = {unsampled_traceparent() for _ in range(1000)}
    assert len({trace_id(one) for one in made}) == 1000
    assert all(accept_traceparent(one) == one and not is_sampled(one) for one in made)
