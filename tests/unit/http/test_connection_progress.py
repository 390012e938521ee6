"""Progress: windows of bytes, with the time as data."""

from shared.http.server.connection_progress import Progress


def stalls(progress: Progress, moved_by_second: list[int]) -> list[bool]:
    """What each of the checks finds, one a second."""
    return [progress.is_stalled(float(now), moved) for now, moved in enumerate(moved_by_second, start=1)]


def test_what_keeps_moving_at_the_rate_never_stalls() -> None:
    assert not any(stalls(Progress(100, 3, 0.0), [100 * second for second in range(1, 50)]))


def test_nothing_for_longer_than_the_window_is_a_stall() -> None:
    assert stalls(Progress(100, 3, 0.0), [0, 0, 0, 0]) == [False, False, False, True]


def test_a_fast_beginning_earns_no_time() -> None:
    assert stalls(Progress(100, 3, 0.0), [1_000_000] * 5) == [False, False, False, False, True]


def test_less_than_the_rate_is_a_stall_although_something_moves() -> None:
    assert stalls(Progress(100, 3, 0.0), [50, 100, 150, 200]) == [False, False, False, True]


def test_a_lump_within_the_window_is_progress_for_all_of_it() -> None:
    assert not any(stalls(Progress(100, 3, 0.0), [0, 0, 300, 300, 300, 600, 600, 600, 900]))


def test_excluded_time_does_not_count() -> None:
    progress = Progress(100, 3, 0.0)
    progress.exclude(2)
    assert not progress.is_stalled(5.0, 0)
    assert progress.is_stalled(5.1, 0)


def test_a_restart_begins_at_what_has_moved() -> None:
    progress = Progress(100, 3, 0.0)
    progress.restart(10.0, -5000)
    assert not progress.is_stalled(13.0, -5000)
    assert progress.is_stalled(13.1, -4999)
