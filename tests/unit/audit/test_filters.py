"""Filters of records: a subject is found however its UUID is written."""

import pytest

from services.audit.query.record_routes import Filters

NAME = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, None),
        (f"student/{NAME}", f"student/{NAME}"),
        (f"student/{NAME.upper()}", f"student/{NAME}"),
        ("mentor/7", "mentor/7"),
        ("Mentor/A", "Mentor/A"),
        (NAME.upper(), NAME.upper()),
        ("school-roster/1404", "school-roster/1404"),
    ],
)
def test_a_subjects_uuid_is_read_in_lower_case(given: str | None, meant: str | None) -> None:
    assert Filters(subject=given).wanted("default", None).subject == meant
