"""One example of every event in the logs, in full: what the golden files hold.

A new type, or a new version of one, gets its example here; then `python -m tests.contract.remake` writes its files.
"""

from typing import Final

import msgspec

from shared.contracts.decisions import (
    RULES,
    Candidate,
    Decision,
    Rank,
    StudentAssigned,
    StudentReleased,
    StudentWaitlisted,
    StudentWithdrawn,
)
from shared.contracts.envelope import Envelope, event_id, leaf_hash
from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)
from shared.contracts.rejections import EventRejected, Fault, InboundPlace, RejectionEvent

STUDENT_ID: Final = "0199a3f0-5c1e-7b2a-9d44-3e6f8a1b2c3d"
SEALED: Final = "v1.c2VhbGVkIGJ5IGludGFrZSwgYW5kIG9wZW5lZCBieSBub2JvZHkgZWxzZQ"
CAUSE: Final = "5f1d7a84db00d2fce00b31a7fc73224f"
UPSTREAM_TIME: Final = "2025-09-23T05:00:00.000000Z"
ACCEPTED_TIME: Final = "2025-09-23T05:00:01.234567Z"
PREVIOUS: Final = leaf_hash(b"the event before").hex()
SEQUENCE: Final = 17

FACTS: Final[dict[str, tuple[str, int, Fact]]] = {
    # type: (subject, partition, data)
    "rahnama.intake.student.registered.v1": (
        f"student/{STUDENT_ID}",
        2,
        StudentRegistered(
            version=1,
            occurred_at=UPSTREAM_TIME,
            year=1404,
            student_id=STUDENT_ID,
            gender=0,
            edu_status=1,
            reg_center=1,
            reg_status=3,
            group_code=27,
            school_code=101,
            student_type=1,
            sealed=SEALED,
        ),
    ),
    "rahnama.intake.student.withdrawn.v1": (
        f"student/{STUDENT_ID}",
        2,
        StudentWithdrawnFact(
            version=2,
            occurred_at=UPSTREAM_TIME,
            year=1404,
            student_id=STUDENT_ID,
            gender=0,
            reason="moved",
        ),
    ),
    "rahnama.intake.student.erased.v1": (
        f"student/{STUDENT_ID}",
        2,
        StudentErased(version=3, occurred_at=None, student_id=STUDENT_ID, gender=0, years=[1403, 1404]),
    ),
    "rahnama.intake.mentor.registered.v1": (
        "mentor/150",
        2,
        MentorRegistered(
            version=2,
            occurred_at=None,
            mentor_id=150,
            gender=0,
            type="school",
            capacity=40,
            active=True,
            alias_code="A-150",
            manager_id=7,
            manager_centers=[0, 1],
            groups=[1, 27],
            centers=[1],
            schools=[101, 102],
            sealed=SEALED,
        ),
    ),
    "rahnama.intake.manager.registered.v1": (
        "manager/7",
        2,
        ManagerRegistered(
            version=1, occurred_at=UPSTREAM_TIME, manager_id=7, is_active=True, centers=[0, 1], sealed=SEALED
        ),
    ),
    "rahnama.intake.school-roster.published.v1": (
        "school-roster/1404",
        2,
        SchoolRosterPublished(version=1, occurred_at=UPSTREAM_TIME, year=1404, school_codes=[101, 102, 204]),
    ),
}

DECISIONS: Final[dict[str, Decision]] = {
    "rahnama.allocation.student.assigned.v1": StudentAssigned(
        year=1404,
        student_id=STUDENT_ID,
        version=1,
        policy="default",
        engine=1,
        mentor_id=150,
        counter="043730001",
        counter_status=None,
        rank=Rank(load=2, capacity=40),
        candidates=5,
        next_best=[
            Candidate(mentor_id=151, load=3, capacity=40),
            Candidate(mentor_id=9, load=6, capacity=60),
        ],
        reason="registered",
        previous_mentor_id=None,
    ),
    "rahnama.allocation.student.waitlisted.v1": StudentWaitlisted(
        year=1404,
        student_id=STUDENT_ID,
        version=1,
        policy="default",
        engine=1,
        reason="CAPACITY_AVAILABLE",
        funnel=dict(zip(RULES, (12, 5, 3, 3, 0, 0, 0, 0), strict=True)),
    ),
    "rahnama.allocation.student.released.v1": StudentReleased(
        year=1404,
        student_id=STUDENT_ID,
        version=2,
        policy="default",
        engine=1,
        reason="changed",
        previous_mentor_id=150,
    ),
    "rahnama.allocation.student.withdrawn.v1": StudentWithdrawn(
        year=1404,
        student_id=STUDENT_ID,
        version=3,
        policy="default",
        engine=1,
        reason="withdrawn",
        previous_mentor_id=150,
    ),
}

REJECTION: Final = RejectionEvent(
    id="0199a3f0-5c1e-7b2a-9d44-3e6f8a1b2c3e",
    time=ACCEPTED_TIME,
    tenant="default",
    causationid=CAUSE,
    data=EventRejected(
        rejection_id="0199a3f0-5c1e-7b2a-9d44-3e6f8a1b2c3e",
        door="kafka",
        inbound=InboundPlace(partition=3, offset=17),
        type="rahnama.student.registered.v1",
        errors=[Fault(pointer="/data/national_id", code="NATIONAL_ID_INVALID")],
    ),
)


def fact_envelope(name: str) -> Envelope:
    """The example of a fact with its envelope."""
    subject, partition, fact = FACTS[name]
    return _envelope("intake", name, subject, partition, ACCEPTED_TIME, CAUSE, fact)


def decision_envelope(name: str) -> Envelope:
    """The example of a decision with its envelope: time and cause are its fact's."""
    cause = event_id("intake", 2, SEQUENCE)
    subject = f"student/{STUDENT_ID}"
    return _envelope("allocation", name, subject, 2, ACCEPTED_TIME, cause, DECISIONS[name])


def _envelope(
    source: str, name: str, subject: str, partition: int, time: str, cause: str, data: Fact | Decision
) -> Envelope:
    return Envelope(
        specversion="1.0",
        id=event_id(source, partition, SEQUENCE),
        source=f"/rahnama/{source}",
        type=name,
        subject=subject,
        time=time,
        datacontenttype="application/json",
        tenant="default",
        sequence=f"{SEQUENCE:016d}",
        previous=PREVIOUS,
        causationid=cause,
        data=msgspec.Raw(msgspec.json.encode(data)),
    )
