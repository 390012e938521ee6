"""Events of upstream for tests: whoever they are about exists nowhere else."""

from typing import Any, Final

from infra.demo.cohort import SOURCE, YEAR, Event, national_id

CENTER: Final = 0
GROUP: Final = 27


def event(kind: str, event_id: str, data: dict[str, Any], **attributes: str) -> Event:
    """`event("student.registered", …)`: a CloudEvent as upstream sends it."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": f"rahnama.{kind}.v1",
        "datacontenttype": "application/json",
        **attributes,
        "data": data,
    }


def student(number: int, **changes: Any) -> dict[str, Any]:
    """The data of a boy of group 27 at centre 0, with a national ID that `number` gives (up to 9 digits)."""
    return {
        "year": YEAR,
        "national_id": national_id(number),
        "first_name": "پرهام",
        "last_name": "آزمون",
        "gender": 1,
        "edu_status": 1,
        "reg_center": CENTER,
        "reg_status": 0,
        "group_code": GROUP,
        "mobile": f"0912{number % 10_000_000:07d}",
        **changes,
    }


def mentor(mentor_id: int, **changes: Any) -> dict[str, Any]:
    """The data of a man who takes ten boys of group 27 at centre 0."""
    return {
        "mentor_id": mentor_id,
        "name": "استاد آزمون",
        "mobile": "09120000000",
        "gender": 1,
        "type": "normal",
        "capacity": 10,
        "active": True,
        "groups": [GROUP],
        "centers": [CENTER],
        **changes,
    }
