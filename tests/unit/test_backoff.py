"""How long to wait before the next attempt."""

from shared.runtime.backoff import Backoff


def waits(backoff: Backoff, failures: int) -> list[float]:
    found = []
    for _ in range(failures):
        backoff = backoff.failed()
        found.append(backoff.seconds)
    return found


def test_each_failure_doubles_the_wait_up_to_the_longest() -> None:
    assert waits(Backoff(first=0.1, longest=0.5), 5) == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_a_success_begins_anew() -> None:
    backoff = Backoff(first=1.0, longest=9.0).failed().failed()
    assert backoff.succeeded().seconds == 0.0
    assert waits(backoff.succeeded(), 2) == [1.0, 2.0]


def test_no_number_of_failures_is_too_large() -> None:
    assert Backoff(first=0.1, longest=60.0, failures=10**6).seconds == 60.0
