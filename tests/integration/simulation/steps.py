"""Calls of every query, in an order in which they find something; repeated where a second call gives another result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.allocation.project.write import COLUMNS as ENROLMENT_COLUMNS
from services.audit.project.ledger import COLUMNS as LEDGER_COLUMNS
from services.intake.append.idempotency import ANSWER_COLUMNS
from services.intake.append.load import STUDENT_COLUMNS
from services.intake.append.seal_facts import KEY_COLUMNS, REJECTION_COLUMNS
from shared.append.log import COLUMNS as LOG_COLUMNS
from tests.integration.simulation.rows import (
    ANSWERS,
    ENROLMENTS,
    EVENTS,
    FIRST,
    KEYS,
    MENTORS,
    NOW,
    POOL_MENTORS,
    REJECTIONS,
    SECOND,
    STUDENTS,
    YEARS,
    ZERO,
    columns,
)
from tests.simulation.queries import UPSERTS


@dataclass(frozen=True)
class Copy:
    """Rows for a table."""

    table: str
    records: Sequence[Sequence[Any]]
    columns: Sequence[str]


@dataclass(frozen=True)
class Step:
    """One call of a query. `ordered`: the order of the rows counts; `changes`: how many rows it changed counts."""

    package: str
    name: str
    arguments: Sequence[Any] = ()
    file: str = "queries.sql"
    ordered: bool = False
    changes: bool = False
    many: bool = False


def _log(source_rows: Sequence[Sequence[Any]]) -> list[Step | Copy]:
    append, relay = "shared.append", "shared.relay"
    heads: list[Step | Copy] = [
        Step(append, "partitions"),
        Step(append, "lock_heads", ([1, 0],), ordered=True),
        Copy("log", source_rows, LOG_COLUMNS),
        Copy("log", source_rows[:1], LOG_COLUMNS),
        Step(append, "move_heads", ([0, 1], [3, 1], [b"3" * 32, b"1" * 32], ["t3", "t1"])),
        Step(append, "heads", ordered=True),
        Step(append, "read", (0, 1, 5), ordered=True),
        Step(append, "hash_at", (0, 2)),
        Step(relay, "beat", (77, [1]), ordered=True),
        Step(relay, "save_published", ([0, 1, 2], [2, 0, 0]), changes=True),
        Step(relay, "heads"),
        Step(relay, "read_unsent", (0, 0, 2, 10_000), ordered=True),
        Step(relay, "read_unsent", (0, 0, 10, 1), ordered=True),
        Step(relay, "hashes", ([0, 1, 1], [2, 1, 9])),
    ]
    return heads


def _inbox(sources: Sequence[str]) -> list[Step | Copy]:
    inbox = "shared.inbox"
    [first, *_] = sources
    moved = ([first, first], [0, 1], [0, 5], [4, 9], [b"4" * 32, b"9" * 32], [b"h" * 128, b"i" * 128], 3)
    later = ([first], [0], [4], [7], [b"7" * 32], [b"j" * 96], 3)
    bare = ([first], [0], [7], [8], [b"8" * 32], [None], 3)
    return [
        Step(inbox, "load_position", (first, 0)),
        Step(inbox, "move_positions", moved),
        Step(inbox, "move_positions", moved),
        Step(inbox, "load_hashes", (first, 0, 0), ordered=True),
        Step(inbox, "move_positions", later),
        Step(inbox, "load_hashes", (first, 0, 0), ordered=True),
        Step(inbox, "move_positions", bare),
        Step(inbox, "load_hashes", (first, 0, 6), ordered=True),
        Step(inbox, "load_positions", ordered=True),
    ]


INTAKE: Final[list[Step | Copy]] = [
    *_log(EVENTS),
    Step("services.intake.append", "load_inbound", (2,), file="inbound.sql"),
    Step(
        "services.intake.append", "move_inbound",
        ([0, 1], [0, 7], [ZERO, ZERO], [5, 8], [b"5" * 32, b"8" * 32]), file="inbound.sql",
    ),
    Step("services.intake.append", "load_all_inbound", file="inbound.sql", ordered=True),
    Step("services.intake.append", "lock_references", (7_238, [4, 9], [True, False])),
    Copy("students", STUDENTS, STUDENT_COLUMNS),
    Copy("students", [(b"other", "default", FIRST, 0, 1)], STUDENT_COLUMNS),
    Copy("subject_keys", KEYS, KEY_COLUMNS),
    Copy("idempotency", ANSWERS, ANSWER_COLUMNS),
    Copy("rejections", REJECTIONS, REJECTION_COLUMNS),
    Step("services.intake.append", "known_events", ([b"key-1", b"key-9"],)),
    Step("services.intake.append", "students_known_by_now", ([b"look-2", b"none"],)),
    Step("services.intake.append", "lock_students", ([b"look-2", b"look-1", b"none"],), ordered=True),
    Step("services.intake.append", "move_students", ([b"look-1", b"none"], [4, 9], [0, 1]), changes=True),
    Step("services.intake.append", "move_student_versions", ("default", [SECOND], [6]), changes=True),
    Step("services.intake.project", "put_student_years", columns(YEARS), changes=True),
    Step("services.intake.project", "put_student_years", columns(YEARS), changes=True),
    Step("services.intake.append", "student_years", ("default", [FIRST, SECOND])),
    Step(
        "services.intake.project", "keep_arrivals",
        (["default", "default"], [1404, 1404], [FIRST, SECOND], [1, None], [None, 9]), changes=True,
    ),
    Step("services.intake.append", "students_to_rederive", ("default", 1404, [101]), ordered=True),
    Step("services.intake.append", "students_to_rederive", ("default", 1404, []), ordered=True),
    Step("services.intake.project", "mentors", MENTORS, UPSERTS, many=True),
    Step("services.intake.project", "mentors", MENTORS, UPSERTS, many=True),
    Step("services.intake.append", "lock_mentors", ("default", [151], [7]), ordered=True),
    Step("services.intake.append", "student_envelopes", ("default", [FIRST, SECOND], [1404, 1404])),
    Step("services.intake.append", "mentor_envelopes", ("default", [150, 151, 199])),
    Step("services.intake.append", "subject_keys", ("default", [f"student/{FIRST}", "student/x"])),
    Step("services.intake.project", "managers", [("default", 7, True, [0, 1], b"f", 1, 0, 3)], UPSERTS, many=True),
    Step("services.intake.project", "managers", [("default", 7, False, [1], b"g", 1, 0, 3)], UPSERTS, many=True),
    Step("services.intake.append", "managers", ("default", [7, 8])),
    Step("services.intake.project", "school_rosters", [("default", 1404, [101], 1, 0, 3)], UPSERTS, many=True),
    Step("services.intake.append", "school_rosters", ("default", [1403, 1404])),
    Step("services.intake.relay", "subject_keys", (["default"] * 2, [f"student/{FIRST}", "mentor/x"])),
    Step(
        "services.intake.relay", "subjects_from_elsewhere",
        (["default"] * 3, [f"student/{FIRST}", f"student/{FIRST}", "mentor/150"], [2, 7, 2], 0),
    ),
    Step("services.intake.relay", "keyed_subjects", (0, 0, 5), ordered=True),
    Step("services.intake.relay", "anchors", ordered=True),
    Step("services.intake.relay", "put_anchor", (1, 5, b"d"), changes=True),
    Step("services.intake.relay", "put_anchor", (1, 6, b"e"), changes=True),
    Step("services.intake.relay", "anchors", ordered=True),
    Step("services.intake.relay", "unpublished_rejections", (1,), ordered=True),
    Step("services.intake.relay", "rejections_published", ([REJECTIONS[0][0]],), changes=True),
    Step("services.intake.relay", "unpublished_rejections", (5,), ordered=True),
    Step("services.intake.append", "lock_student", ("default", FIRST), file="erasure.sql"),
    Step("services.intake.append", "enrolled_years", ("default", FIRST), file="erasure.sql", ordered=True),
    Step("services.intake.append", "sealed_last", ("default", f"student/{FIRST}"), file="erasure.sql"),
    Step(
        "services.intake.project", "withdraw_student_years",
        (["default"], [1404], [SECOND], [9], [0], [3]), changes=True,
    ),
    Step("services.intake.append", "enrolled_years", ("default", SECOND), file="erasure.sql", ordered=True),
    Step(
        "services.intake.project", "keep_erasures",
        (["default"], [f"student/{FIRST}"], [0], [2]), file="erasure.sql", changes=True,
    ),
    Step(
        "services.intake.project", "keep_erasures",
        (["default"], [f"student/{FIRST}"], [1], [8]), file="erasure.sql", changes=True,
    ),
    Step("services.intake.project", "forget_students", (["default"], [FIRST]), file="erasure.sql"),
    Step("services.intake.project", "forget_students", (["default"], [FIRST]), file="erasure.sql"),
    Step("services.intake.project", "forget_rejections", ([b"look-1"],), file="erasure.sql", changes=True),
    Step("services.intake.project", "erased_students", file="erasure.sql"),
    Step("services.intake.append", "erased_at", ("default", f"student/{FIRST}"), file="erasure.sql"),
    Step("services.intake.relay", "erased_subjects", (["default"] * 2, [f"student/{FIRST}", "student/x"])),
    Step("services.intake.relay", "erased_in", ([0, 1], -1, 0, 5), ordered=True),
    Step("services.intake.relay", "unsettled_erasures", (5,), ordered=True),
    Step(
        "services.intake.relay", "settle_erasures",
        (["default"] * 2, [f"student/{FIRST}", "student/x"]), changes=True,
    ),
    Step("services.intake.relay", "unsettled_erasures", (5,), ordered=True),
    Step("services.intake.append", "lock_students", ([b"look-2", b"look-1"],), ordered=True),
    Copy("students", [(b"look-1", "default", FIRST, 0, 1)], STUDENT_COLUMNS),
]  # fmt: skip

_PROJECT: Final = "services.allocation.project"
ALLOCATION: Final[list[Step | Copy]] = [
    *_log([(*row[:5], None, *row[6:]) for row in EVENTS]),
    *_inbox(["intake"]),
    Copy("enrolments", ENROLMENTS, ENROLMENT_COLUMNS),
    Step(_PROJECT, "put_mentor", POOL_MENTORS, many=True),
    Step(_PROJECT, "put_mentor", POOL_MENTORS, many=True),
    Step(_PROJECT, "mentors", (0,)),
    Step(_PROJECT, "put_loads", (["default"] * 2, [1404] * 2, [150, 151], [0, 0], [1, 2]), changes=True),
    Step(_PROJECT, "put_loads", (["default"], [1404], [150], [0], [3]), changes=True),
    Step(_PROJECT, "loads", (0,)),
    Step(_PROJECT, "put_counters", (["default"], [0], [1404], [0], [7], [150]), changes=True),
    Step(_PROJECT, "counters", (0,)),
    Step(_PROJECT, "waiting", (0,)),
    Step(_PROJECT, "students", ([0, 0], ["default"] * 2, [FIRST, SECOND])),
    Step(_PROJECT, "students_of_mentors", ([0, 0], ["default"] * 2, [150, 151])),
    Step(_PROJECT, "give_counters", (["default"], [0], [SECOND], ["043730009"]), changes=True),
    Step(_PROJECT, "give_counters", (["default"], [0], [SECOND], ["043730010"]), changes=True),
    Step(_PROJECT, "update_enrolments", columns([(*row[:7], "released", None, *row[9:]) for row in ENROLMENTS[:1]]), changes=True),
    Step(_PROJECT, "update_enrolments", columns(ENROLMENTS[1:]), changes=True),
    Step(_PROJECT, "students", ([0, 0], ["default"] * 2, [FIRST, SECOND])),
]  # fmt: skip

LEDGER: Final = [
    ("intake", partition, sequence, "a.v1", "default", "a/1", NOW, b"v", bytes([sequence]) * 32, None,
     "rahnama.intake", sequence, 0)
    for partition, sequence in ((0, 1), (0, 2), (0, 3), (1, 2))
]  # fmt: skip
_TREES: Final = (["intake", "allocation"], [0, 1], [0, 5], [2, 6], [b"e" * 64, b"x"])
AUDIT: Final[list[Step | Copy]] = [
    *_inbox(["intake"]),
    Step("services.audit.project", "load_tree", ("intake", 0)),
    Step("services.audit.project", "move_trees", _TREES, changes=True),
    Step("services.audit.project", "move_trees", _TREES, changes=True),
    Step("services.audit.project", "load_tree", ("intake", 0)),
    Step("services.audit.project", "load_tree", ("intake", 99)),
    Copy("ledger", LEDGER, LEDGER_COLUMNS),
    Step("services.audit.project", "hashes", ("intake", 0, [1, 2, 9])),
]

STEPS: Final[Mapping[str, Sequence[Step | Copy]]] = {
    "intake": INTAKE,
    "allocation": ALLOCATION,
    "audit": AUDIT,
}
