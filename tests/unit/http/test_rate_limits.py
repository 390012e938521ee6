"""Limits of requests: who shares which, what is refused, and how much memory hostile callers take."""

import threading
from types import SimpleNamespace

import limits.storage.memory
import limits.strategies
import pytest

import shared.http.rate_limits
from shared.errors import TooManyRequests
from shared.http.auth.callers import Caller
from shared.http.rate_limits import (
    COUNTED_SUBJECTS,
    LIMITED,
    WINDOW_SECONDS,
    BoundedStorage,
    RateLimits,
    Verdict,
    is_read,
)

BEGIN = 1_700_000_000.0
"""A window begins here."""
READ = ("GET", "/v1/students")
WRITE = ("POST", "/v1/events")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock that the library and its storage read; `now` is moved by the test."""
    made = SimpleNamespace(now=BEGIN)
    made.time = lambda: made.now
    for module in (limits.storage.memory, limits.strategies, shared.http.rate_limits):
        monkeypatch.setattr(module, "time", made)
    return made


def caller(subject: str = "feeder", tenant: str = "default") -> Caller:
    return Caller(tenant, subject, frozenset({"upstream"}))


def send(limits: RateLimits, count: int, who: Caller, request: tuple[str, str] = WRITE) -> list[Verdict]:
    return [limits.count(who, *request) for _ in range(count)]


def refusals(verdicts: list[Verdict]) -> list[str | None]:
    return [verdict.refused_by for verdict in verdicts]


@pytest.mark.usefixtures("clock")
def test_a_subject_beyond_its_quota_is_refused_and_another_one_is_not() -> None:
    limits = RateLimits(subject_writes=2)
    assert refusals(send(limits, 2 * WINDOW_SECONDS, caller())) == [None] * 2 * WINDOW_SECONDS
    assert refusals(send(limits, 3, caller())) == ["subject-writes"] * 3
    assert refusals(send(limits, 1, caller("other"))) == [None]
    assert refusals(send(limits, 1, caller(tenant="other"))) == [None]


def test_a_refusal_names_its_limit_and_when_to_come_again(clock: SimpleNamespace) -> None:
    limits = RateLimits(subject_writes=1)
    clock.now = BEGIN + 3
    send(limits, WINDOW_SECONDS, caller())
    [refused] = send(limits, 1, caller())
    with pytest.raises(TooManyRequests, match="subject-writes") as raised:
        refused.require_admitted()
    assert raised.value.retry_after_seconds == WINDOW_SECONDS - 3


def test_a_subject_is_admitted_again_as_its_requests_leave_the_window(clock: SimpleNamespace) -> None:
    limits = RateLimits(subject_writes=10)
    send(limits, 100, caller())
    clock.now = BEGIN + 1.5 * WINDOW_SECONDS
    admitted = [verdict for verdict in send(limits, 100, caller()) if verdict.refused_by is None]
    assert len(admitted) == 50
    clock.now = BEGIN + 4 * WINDOW_SECONDS
    assert refusals(send(limits, 100, caller())) == [None] * 100


@pytest.mark.usefixtures("clock")
def test_the_subjects_of_a_tenant_share_its_quota_and_those_of_another_do_not() -> None:
    limits = RateLimits(subject_writes=1, tenant_writes=2)
    for subject in ("one", "two"):
        assert refusals(send(limits, 10, caller(subject))) == [None] * 10
    assert refusals(send(limits, 1, caller("three"))) == ["tenant-writes"]
    assert refusals(send(limits, 1, caller("three", "other"))) == [None]


@pytest.mark.usefixtures("clock")
def test_what_a_subjects_own_limit_refuses_costs_its_tenant_nothing() -> None:
    limits = RateLimits(subject_writes=1, tenant_writes=2)
    send(limits, 1000, caller("flood"))
    assert refusals(send(limits, 10, caller("calm"))) == [None] * 10


@pytest.mark.usefixtures("clock")
def test_names_that_hold_slashes_share_no_quota() -> None:
    limits = RateLimits(subject_writes=1)
    send(limits, 11, caller("b/c", "a"))
    assert refusals(send(limits, 1, caller("c", "a/b"))) == [None]


@pytest.mark.usefixtures("clock")
def test_reads_and_writes_have_quotas_of_their_own() -> None:
    limits = RateLimits(subject_reads=1, subject_writes=1)
    assert refusals(send(limits, 11, caller()))[-1] == "subject-writes"
    assert refusals(send(limits, 11, caller(), READ)) == [None] * 10 + ["subject-reads"]


def test_the_fields_state_the_policies_and_what_is_left(clock: SimpleNamespace) -> None:
    limits = RateLimits(subject_writes=2, tenant_writes=3)
    clock.now = BEGIN + 4
    send(limits, 4, caller("other"))
    [verdict] = send(limits, 1, caller())
    assert dict(verdict.fields) == {
        b"ratelimit-policy": b'"subject-writes";q=20;w=10, "tenant-writes";q=30;w=10',
        b"ratelimit": b'"subject-writes";r=19;t=6, "tenant-writes";r=25;t=6',
    }


def test_a_limit_of_0_is_none_and_adds_no_field() -> None:
    limits = RateLimits(subject_reads=1)
    assert set(send(limits, 100, caller())) == {Verdict(())}
    [read] = send(limits, 1, caller(), READ)
    assert dict(read.fields)[b"ratelimit-policy"] == b'"subject-reads";q=10;w=10'


def test_scrapes_are_not_counted() -> None:
    limits = RateLimits(subject_reads=1, tenant_reads=1)
    assert set(send(limits, 100, caller(), ("GET", "/metrics"))) == {Verdict(())}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/students", True),
        ("HEAD", "/v1/students", True),
        ("POST", "/v1/students/lookup", True),
        ("POST", "/v1/events/lookup", True),
        ("POST", "/v1/verifications", True),
        ("POST", "/v1/verification/read-models", True),
        ("POST", "/v1/events", False),
        ("POST", "/v1/students/1/erasure", False),
        ("DELETE", "/v1/students/1", False),
        ("BREW", "/v1/students/1", False),
    ],
)
def test_look_ups_and_verifications_are_reads(method: str, path: str, expected: bool) -> None:
    assert is_read(method, path) is expected


@pytest.mark.usefixtures("clock")
def test_hostile_subjects_take_a_bounded_number_of_counters_and_no_thread() -> None:
    threads = threading.active_count()
    limits = RateLimits(subject_writes=1, tenant_writes=1000)
    for number in range(COUNTED_SUBJECTS + 500):
        limits.count(caller(str(number)), *WRITE)
    storage = limits._subjects.storage
    assert isinstance(storage, BoundedStorage)
    assert len(storage.storage) == len(storage.expirations) == COUNTED_SUBJECTS
    assert not storage.events
    assert not storage.locks
    assert threading.active_count() <= threads
    assert refusals(send(limits, 1, caller("last"))) == ["tenant-writes"]


def test_expired_counters_go_when_another_one_is_made(clock: SimpleNamespace) -> None:
    storage = BoundedStorage(100)
    for number in range(50):
        storage.incr(str(number), 2 * WINDOW_SECONDS)
    clock.now = BEGIN + 2 * WINDOW_SECONDS
    assert storage.incr("new", 2 * WINDOW_SECONDS) == 1
    assert list(storage.expirations) == list(storage.storage) == ["new"]


def test_a_clock_that_is_set_back_does_not_end_the_limits(clock: SimpleNamespace) -> None:
    limits = RateLimits(subject_writes=1)
    send(limits, 11, caller())
    clock.now = BEGIN - 86_400
    assert refusals(send(limits, 11, caller())) == [None] * 10 + ["subject-writes"]


def test_a_refusal_is_counted_by_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[int, object]] = []
    monkeypatch.setattr(LIMITED, "add", lambda count, labels: counted.append((count, labels)))
    RateLimits(subject_writes=1)
    with pytest.raises(TooManyRequests):
        Verdict((), "subject-writes", 1).require_admitted()
    assert counted == [(0, {"limit": "subject-writes"}), (1, {"limit": "subject-writes"})]
