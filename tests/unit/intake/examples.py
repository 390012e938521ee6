"""Valid events, commands and states that tests start from and change one thing of."""

import json
from typing import Any

from services.intake.crypto.sealing import Mac
from services.intake.decide.commands import Command
from services.intake.decide.events import InboundEvent, open_event
from services.intake.decide.manager_registered import RegisterManager
from services.intake.decide.mentor_registered import RegisterMentor
from services.intake.decide.messages import parse
from services.intake.decide.school_roster_published import PublishSchoolRoster
from services.intake.decide.state import State
from services.intake.decide.student_registered import RegisterStudent
from services.intake.decide.student_withdrawn import WithdrawStudent
from shared.errors import FieldError

TODAY = "2026-11-28"

KEY = b"a tenant's key of thirty-2 bytes"
MAC = Mac(KEY)
STUDENT_ID = "0199a000-0000-7000-8000-000000000001"

STUDENT: dict[str, Any] = {
    "year": 1404,
    "national_id": "1332073689",
    "first_name": "زهرا",
    "last_name": "کاظمی",
    "father_name": "علی",
    "birth_date": "1385/04/12",
    "gender": 0,
    "edu_status": 1,
    "reg_center": 1,
    "reg_status": 0,
    "group_code": 27,
    "school_code": 101,
    "mobile": "09121234567",
}
WITHDRAWAL: dict[str, Any] = {"year": 1404, "national_id": "1332073689", "reason": "انصراف"}
MENTOR: dict[str, Any] = {
    "mentor_id": 150,
    "name": "مریم امینی",
    "mobile": "09123456789",
    "gender": 0,
    "type": "normal",
    "capacity": 40,
    "active": True,
    "alias_code": "A-150",
    "manager_id": 7,
    "groups": [27, 1],
    "centers": [1, 0],
    "schools": [],
}
MANAGER: dict[str, Any] = {
    "manager_id": 7,
    "full_name": "رضا نادری",
    "email": "r.naderi@example.ir",
    "phone": "021-88776655",
    "is_active": True,
    "centers": [1, 0],
}
ROSTER: dict[str, Any] = {"year": 1404, "school_codes": [102, 101, 102]}

DATA: dict[str, dict[str, Any]] = {
    "rahnama.student.registered.v1": STUDENT,
    "rahnama.student.withdrawn.v1": WITHDRAWAL,
    "rahnama.mentor.registered.v1": MENTOR,
    "rahnama.manager.registered.v1": MANAGER,
    "rahnama.school-roster.published.v1": ROSTER,
}
TYPE_OF = dict(zip(("student", "withdrawal", "mentor", "manager", "roster"), DATA, strict=True))


def document(kind: str, /, **changes: Any) -> dict[str, Any]:
    """A structured event of `kind` (`student` …) whose data has `changes`."""
    name = TYPE_OF[kind]
    return {
        "specversion": "1.0",
        "id": f"{kind}-1",
        "source": "/upstream/demo",
        "type": name,
        "time": "2025-09-23T08:30:00+03:30",
        "datacontenttype": "application/json",
        "data": {**DATA[name], **changes},
    }


def event(kind: str, /, **changes: Any) -> InboundEvent:
    """The opened event."""
    opened = open_event(json.dumps(document(kind, **changes)).encode())
    assert isinstance(opened, InboundEvent)
    return opened


def parsed(kind: str, /, **changes: Any) -> Command:
    """The command of a valid event."""
    command = parse(event(kind, **changes), TODAY)
    assert not isinstance(command, tuple), command
    return command


def student(**changes: Any) -> RegisterStudent:
    """A student's command."""
    command = parsed("student", **changes)
    assert isinstance(command, RegisterStudent)
    return command


def withdrawal(**changes: Any) -> WithdrawStudent:
    """The command that ends a student's year."""
    command = parsed("withdrawal", **changes)
    assert isinstance(command, WithdrawStudent)
    return command


def mentor(**changes: Any) -> RegisterMentor:
    """A mentor's command."""
    command = parsed("mentor", **changes)
    assert isinstance(command, RegisterMentor)
    return command


def manager(**changes: Any) -> RegisterManager:
    """A manager's command."""
    command = parsed("manager", **changes)
    assert isinstance(command, RegisterManager)
    return command


def roster(**changes: Any) -> PublishSchoolRoster:
    """A roster's command."""
    command = parsed("roster", **changes)
    assert isinstance(command, PublishSchoolRoster)
    return command


def errors(kind: str, /, **changes: Any) -> list[tuple[str, str]]:
    """Pointer and code of everything that is wrong with the event."""
    found = parse(event(kind, **changes), TODAY)
    assert isinstance(found, tuple), found
    assert all(isinstance(item, FieldError) and item.message and item.message_fa for item in found)
    return [(item.pointer, item.code) for item in found]


def empty_state() -> State:
    """A tenant that has nothing yet."""
    return State("default", 12)
