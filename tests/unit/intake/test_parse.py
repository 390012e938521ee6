"""From events to commands: whole, with defaults, and every error at once."""

import pytest
from msgspec import UNSET, structs

from services.intake.decide.messages import FIELDS, INBOUND_TYPES, parse
from services.intake.decide.student_registered import PersonalStudent
from services.intake.decide.tenant_rules import TenantRules
from tests.unit.intake.examples import (
    TODAY,
    document,
    errors,
    event,
    manager,
    mentor,
    roster,
    student,
    withdrawal,
)

NOT_YET = (
    "student.updated", "mentor.updated", "policy.activated", "assignment.directed", "counters.imported",
)  # fmt: skip


def test_a_student_is_normalised_and_personal_fields_stand_apart() -> None:
    command = student(
        gender="دختر", edu_status="محصل", reg_status="حكمت", year="۱۴۰۴", school_code="101", unknown=1
    )
    assert structs.asdict(command) == {
        "occurred_at": "2025-09-23T05:00:00.000000Z",
        "year": 1404,
        "gender": 0,
        "edu_status": 1,
        "reg_center": 1,
        "reg_status": 3,
        "group_code": 27,
        "school_code": 101,
        "personal": PersonalStudent(
            national_id="1332073689",
            first_name="زهرا",
            last_name="کاظمی",
            father_name="علی",
            birth_date="2006-07-03",
            mobile="09121234567",
        ),
    }


def test_what_a_student_need_not_have_is_none() -> None:
    command = student(father_name=None, birth_date="", mobile=" ", school_code="ندارد")
    personal = command.personal
    assert (command.school_code, personal.father_name, personal.birth_date, personal.mobile) == (None,) * 4


def test_every_missing_field_of_a_student_is_named() -> None:
    required = (
        "year",
        "national_id",
        "first_name",
        "last_name",
        "gender",
        "edu_status",
        "reg_center",
        "reg_status",
        "group_code",
    )
    found = errors("student", **dict.fromkeys(required))
    assert found == [(f"/data/{name}", f"{name.upper()}_MISSING") for name in required]


def test_every_invalid_field_of_a_student_is_named() -> None:
    bad = {
        "year": 1299, "national_id": "1332073688", "first_name": "", "last_name": "x" * 257, "father_name": 5,
        "birth_date": "1385/13/01", "gender": True, "edu_status": 2, "reg_status": 2, "school_code": -1,
        "mobile": "12345", "reg_center": 3, "group_code": 2,
    }  # fmt: skip
    assert errors("student", **bad) == [(f"/data/{name}", f"{name.upper()}_INVALID") for name in bad]


def test_a_group_for_students_is_not_for_graduates() -> None:
    assert errors("student", edu_status=0, group_code=27) == [("/data/group_code", "GROUP_NOT_FOR_GRADUATE")]
    assert student(edu_status=0, group_code=1).group_code == 1
    assert student(edu_status=1, group_code=1).group_code == 1
    assert errors("student", edu_status=None, group_code=27) == [("/data/edu_status", "EDU_STATUS_MISSING")]


def test_a_tenant_has_its_own_centres_and_groups() -> None:
    rules = TenantRules(centers=frozenset({9}), groups=frozenset({100}), student_groups=frozenset({200}))
    found = parse(event("student"), TODAY, rules)
    assert isinstance(found, tuple)
    assert [error.code for error in found] == ["REG_CENTER_INVALID", "GROUP_CODE_INVALID"]
    assert not isinstance(parse(event("student", reg_center=9, group_code=200), TODAY, rules), tuple)
    assert not isinstance(parse(event("mentor", centers=[9], groups=[100, 200]), TODAY, rules), tuple)


def test_a_mentor_has_sorted_sets_and_defaults() -> None:
    command = mentor(
        capacity=None, active=None, alias_code=" ", manager_id=None, name=None, groups=[27, "۱", 27]
    )
    assert (command.capacity, command.active, command.alias_code, command.manager_id) == (
        60,
        True,
        None,
        None,
    )
    assert (command.groups, command.centers, command.schools) == ((1, 27), (0, 1), ())
    assert mentor(capacity=0).capacity == 0


def test_a_withdrawal_names_a_year_of_a_student_and_its_reason_is_dropped() -> None:
    command = withdrawal(national_id="۱۳۳۲۰۷۳۶۸۹", year="۱۴۰۴")
    assert (command.year, command.national_id) == (1404, "1332073689")
    assert "1332073689" not in repr(command)
    assert command == withdrawal(reason=None) == withdrawal(reason="")
    assert errors("withdrawal", year=None, national_id="1", reason=5) == [
        ("/data/year", "YEAR_MISSING"), ("/data/national_id", "NATIONAL_ID_INVALID"), ("/data/reason", "REASON_INVALID"),
    ]  # fmt: skip


def test_only_a_school_mentor_has_schools() -> None:
    assert mentor(type="school", schools=[102, 101]).schools == (101, 102)
    assert mentor(type="normal", schools=[101]).schools == ()
    assert mentor(type="عادی", schools="whatever").schools == ()
    assert errors("mentor", type="school", schools=[]) == [("/data/schools", "SCHOOLS_INVALID")]
    assert errors("mentor", type="school", schools=None) == [("/data/schools", "SCHOOLS_MISSING")]
    assert errors("mentor", type="مدرسه", schools=[0]) == [("/data/schools", "SCHOOLS_INVALID")]


def test_every_invalid_field_of_a_mentor_is_named() -> None:
    bad = {
        "mentor_id": 0, "name": 5, "mobile": "12", "gender": "x", "type": "other", "capacity": -1, "active": 1,
        "alias_code": ["x"], "manager_id": "x", "groups": [], "centers": [7],
    }  # fmt: skip
    assert errors("mentor", **bad) == [(f"/data/{name}", f"{name.upper()}_INVALID") for name in bad]
    assert errors("mentor", groups=[2], centers=[]) == [
        ("/data/groups", "GROUPS_INVALID"),
        ("/data/centers", "CENTERS_INVALID"),
    ]
    assert errors("mentor", groups=[1] * 1001) == [("/data/groups", "GROUPS_INVALID")]


def test_a_manager_is_normalised() -> None:
    command = manager(email=" R.Naderi@example.ir ", centers=[], phone=None)
    assert (command.manager_id, command.is_active, command.centers) == (7, True, ())
    assert (command.personal.email, command.personal.phone) == ("R.Naderi@example.ir", None)


@pytest.mark.parametrize("email", ["x", "a@b", "a b@c.d", "a@@b.c", "@b.c", "a@.c", "a@b..c", 5])
def test_an_implausible_email_address_is_refused(email: object) -> None:
    assert errors("manager", email=email) == [("/data/email", "EMAIL_INVALID")]


def test_every_bad_field_of_a_manager_is_named() -> None:
    assert errors("manager", manager_id=None, full_name=1, phone=1, is_active=None, centers=[3]) == [
        ("/data/manager_id", "MANAGER_ID_MISSING"), ("/data/full_name", "FULL_NAME_INVALID"), ("/data/phone", "PHONE_INVALID"),
        ("/data/is_active", "IS_ACTIVE_MISSING"), ("/data/centers", "CENTERS_INVALID"),
    ]  # fmt: skip


def test_a_roster_is_a_set_of_schools() -> None:
    assert roster().school_codes == (101, 102)
    assert roster(school_codes=[]).school_codes == ()
    assert errors("roster", year="x", school_codes=[0]) == [
        ("/data/year", "YEAR_INVALID"),
        ("/data/school_codes", "SCHOOL_CODES_INVALID"),
    ]
    assert errors("roster", year=None, school_codes=None) == [
        ("/data/year", "YEAR_MISSING"),
        ("/data/school_codes", "SCHOOL_CODES_MISSING"),
    ]


@pytest.mark.parametrize("name", [*NOT_YET, "student.registered.v2", ""])
def test_types_that_this_release_does_not_know_are_refused(name: str) -> None:
    found = parse(structs.replace(event("student"), type=f"rahnama.{name}.v1"), TODAY)
    assert isinstance(found, tuple)
    assert [(error.pointer, error.code) for error in found] == [("/type", "TYPE_UNKNOWN")]
    for message in (found[0].message, found[0].message_fa):
        assert all(name in message for name in INBOUND_TYPES)


@pytest.mark.parametrize(
    ("data", "code"),
    [(UNSET, "DATA_MISSING"), (None, "DATA_MISSING"), ([], "DATA_INVALID"), ("x", "DATA_INVALID")],
)
def test_data_must_be_an_object(data: object, code: str) -> None:
    found = parse(structs.replace(event("student"), data=data), TODAY)
    assert isinstance(found, tuple)
    assert [(error.pointer, error.code) for error in found] == [("/data", code)]


def test_every_field_has_its_messages_in_both_languages() -> None:
    for found in (error for field in FIELDS.values() for error in (field.missing, field.invalid)):
        assert found.message.startswith(found.pointer.removeprefix("/data/"))
        assert any("\u0600" <= letter <= "\u06ff" for letter in found.message_fa)


def test_examples_stand_alone() -> None:
    assert document("student")["data"] is not document("student")["data"]


@pytest.mark.parametrize("born", ["2099-01-01", "2026-11-29", "1919-12-31", "1899-12-30", "1298/10/09"])
def test_nobody_is_born_after_today_or_before_1920(born: str) -> None:
    assert errors("student", birth_date=born) == [("/data/birth_date", "BIRTH_DATE_INVALID")]


@pytest.mark.parametrize(
    ("born", "kept"),
    [("2026-11-28", "2026-11-28"), ("1920-01-01", "1920-01-01"), ("1298/10/10", "1920-01-01")],
)
def test_the_first_and_the_last_birth_date_are_accepted(born: str, kept: str) -> None:
    assert student(birth_date=born).personal.birth_date == kept


def test_a_birth_date_after_today_is_reported_beside_the_other_errors() -> None:
    assert errors("student", birth_date="2099-01-01", reg_center=77) == [
        ("/data/birth_date", "BIRTH_DATE_INVALID"),
        ("/data/reg_center", "REG_CENTER_INVALID"),
    ]


BLANKS = ["\u3164", "\u00ad", "\u2800", "\u115f", "\u180e", "\ufe0f", "\U000e0041", "\u0640", "...", "12"]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("field", ["first_name", "last_name"])
def test_a_name_needs_a_letter(field: str, blank: str) -> None:
    assert errors("student", **{field: blank}) == [(f"/data/{field}", f"{field.upper()}_INVALID")]


@pytest.mark.parametrize("text", ["1²", "½", "①", "１"])
@pytest.mark.parametrize(
    "field", ["year", "national_id", "mobile", "group_code", "school_code", "birth_date"]
)
def test_digits_of_other_sets_are_refused_and_not_read_as_plain_ones(field: str, text: str) -> None:
    value = {
        "national_id": "133207368" + text,
        "mobile": "0912345678" + text,
        "birth_date": "2006-07-" + text,
    }
    assert errors("student", **{field: value.get(field, text)}) == [
        (f"/data/{field}", f"{field.upper()}_INVALID")
    ]
