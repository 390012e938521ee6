"""One example of every event that upstream sends, and what intake reads in it."""

from typing import Any, Final

import msgspec

from services.intake.decide.commands import Command
from services.intake.decide.events import InboundEvent, open_event
from services.intake.decide.messages import parse

TODAY = "2026-11-28"

INBOUND: Final[dict[str, dict[str, Any]]] = {
    "rahnama.student.registered.v1": {
        "year": 1404,
        "national_id": "۱۳۳۲۰۷۳۶۸۹",
        "first_name": "زهرا",
        "last_name": "كاظمي",
        "father_name": "علی",
        "birth_date": "1385/04/12",
        "gender": "دختر",
        "edu_status": 1,
        "reg_center": 1,
        "reg_status": "حکمت",
        "group_code": 27,
        "school_code": 101,
        "mobile": "+98 912 123 4567",
    },
    "rahnama.student.withdrawn.v1": {"year": 1404, "national_id": "۱۳۳۲۰۷۳۶۸۹", "reason": "انصراف"},
    "rahnama.mentor.registered.v1": {
        "mentor_id": 150,
        "name": "مریم امینی",
        "mobile": "09123456789",
        "gender": 0,
        "type": "school",
        "capacity": 40,
        "active": True,
        "alias_code": "A-150",
        "manager_id": 7,
        "groups": [27, 1],
        "centers": [1],
        "schools": [102, 101],
    },
    "rahnama.manager.registered.v1": {
        "manager_id": 7,
        "full_name": "رضا نادری",
        "email": "r.naderi@example.ir",
        "phone": "021-88776655",
        "is_active": True,
        "centers": [0, 1],
    },
    "rahnama.school-roster.published.v1": {"year": 1404, "school_codes": [101, 102, 204]},
}


def inbound_bytes(name: str) -> bytes:
    """The inbound event in structured mode, as upstream may send it."""
    _, kind, action, _ = name.split(".")
    prefix = "withdrawal" if action == "withdrawn" else kind
    document = {
        "specversion": "1.0",
        "id": f"{prefix}-1404-000001",
        "source": "/upstream/demo",
        "type": name,
        "time": "2025-09-23T08:30:00+03:30",
        "datacontenttype": "application/json",
        "data": INBOUND[name],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def command_of(value: bytes) -> Command:
    """What a valid inbound event asks for."""
    event = open_event(value)
    assert isinstance(event, InboundEvent), event
    command = parse(event, TODAY)
    assert not isinstance(command, tuple), command
    return command


def command_bytes(value: bytes) -> bytes:
    """The normalised command of an inbound event, personal fields shown."""
    return msgspec.json.format(msgspec.json.encode(command_of(value)), indent=2)
