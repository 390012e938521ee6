"""A few rows for every table."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

FIRST: Final = "018f0000-0000-7000-8000-000000000001"
SECOND: Final = "018f0000-0000-7000-8000-000000000002"
ZERO: Final = bytes(32)
NOW: Final = datetime(2026, 3, 21, tzinfo=UTC)
REGISTERED: Final = "rahnama.intake.student.registered.v1"
TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def columns(rows: Sequence[Sequence[Any]]) -> tuple[list[Any], ...]:
    """Rows as arrays."""
    return tuple(map(list, zip(*rows, strict=True)))


EVENTS: Final = [
    (0, 1, REGISTERED, "default", f"student/{FIRST}", 1, b"{1}", b"a" * 32, "c1", TRACE),
    (0, 2, REGISTERED, "default", f"student/{FIRST}", 2, b"{2}", b"b" * 32, "c2", None),
    (0, 3, "rahnama.intake.mentor.registered.v1", "default", "mentor/150", 1, b"{3}", b"c" * 32, "c3", None),
    (1, 1, REGISTERED, "default", f"student/{SECOND}", 1, b"{4}", b"d" * 32, "c4", None),
]
STUDENTS: Final = [(b"look-1", "default", FIRST, 0, 3), (b"look-2", "default", SECOND, 1, 5)]
KEYS: Final = [
    ("default", "mentor/150", None, b"w0"),
    ("default", f"student/{FIRST}", b"look-1", b"w1"),
    ("default", f"student/{SECOND}", b"look-2", b"w2"),
]
ANSWERS: Final = [
    (b"key-1", b"digest", "accepted", f"student/{FIRST}", "[]", None, None, 2),
    (b"key-2", b"digest", "rejected", None, "[]", "[]", "018f0000-0000-7000-8000-00000000000a", None),
]
REJECTIONS: Final = [
    (
        f"018f0000-0000-7000-8000-00000000000{name}", "default", "cause", None, "[]", "kafka", 1, 9, lookup,
        b"wrapped", "sealed", NOW, centers,
    )
    for name, lookup, centers in (("a", b"look-1", [0, 2]), ("b", None, []), ("c", b"look-2", None))
]  # fmt: skip
YEARS: Final = [
    ("default", 1404, FIRST, 0, 1, 0, 3, 27, 101, 0, b"print", 1, 0, 1, False, 5, None),
    ("default", 1403, FIRST, 0, 1, 0, 3, 27, None, 0, b"print", 2, 0, 2, False, 6, None),
    ("default", 1404, SECOND, 1, 1, 1, 0, 1, 102, 1, b"print", 4, 1, 1, False, None, 8),
]
MENTORS: Final = [
    ("default", 150, 0, "school", 2, True, "A", 7, [0, 1], [1, 27], [0], [101], b"print", 1, 0, 3),
    ("default", 151, 0, "normal", 0, False, None, None, None, [1], [0, 1], [], b"print", 1, 0, 9),
    ("default", 152, 0, "normal", 0, False, None, 8, None, [1], [0, 1], [], b"print", 1, 0, 9),
]
POOL_MENTORS: Final = [
    ("default", 150, 0, 1, 0, "normal", 2, True, None, 7, [0], [1], [0], []),
    ("default", 151, 0, 2, 0, "school", 2, True, "x", None, None, [1], [0], [101]),
]
ENROLMENTS: Final = [
    (
        "default", 0, FIRST, 1404, 0, 1, 1, "assigned", 150, "043730001", 1, 0, 3, 27, 101, 0, "default", "ok",
        None, 1, "t1",
    ),
    (
        "default", 0, SECOND, 1404, 0, 2, 2, "waitlisted", None, None, 1, 0, 3, 27, None, 0, "default", "ok",
        '{"GENDER_MATCH":0}', 2, "t2",
    ),
    (
        "default", 0, SECOND, 1403, 0, 3, 3, "assigned", 151, None, 1, 0, 3, 27, None, 0, "default", "ok",
        None, 3, "t3",
    ),
]  # fmt: skip
