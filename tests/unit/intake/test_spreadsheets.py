"""What spreadsheets make of values: accepted where a tenant asks for it, refused or kept as it is elsewhere."""

from typing import Any

import pytest
from msgspec import structs

from services.intake.decide.commands import Command
from services.intake.decide.manager_registered import RegisterManager
from services.intake.decide.mentor_registered import RegisterMentor
from services.intake.decide.messages import parse
from services.intake.decide.normalise import NULL_WORDS
from services.intake.decide.readable_centers import readable_centers
from services.intake.decide.student_registered import RegisterStudent
from tests.unit.intake.examples import TODAY, errors, event, manager, mentor, parsed, roster, student

NOTHING = [
    "N/A",
    "n/a",
    "NA",
    "-",
    "–",
    "—",
    "ندارد",
    "نـدارد",
    " ندارد\u200c",
    "\u200eN/A",
    "null",
    "",
    "  ",
]
REQUIRED_OF = {
    "student": (
        "year", "national_id", "first_name", "last_name", "gender", "edu_status", "reg_center", "reg_status", "group_code",
    ),
    "mentor": ("mentor_id", "gender", "type", "groups", "centers"),
    "manager": ("manager_id", "is_active", "centers"),
    "roster": ("year", "school_codes"),
}  # fmt: skip


def cleaned(kind: str, /, **changes: Any) -> Command:
    """The command of a spreadsheet's row."""
    command = parse(event(kind, **changes), TODAY, spreadsheet_leftovers=True)
    assert not isinstance(command, tuple), command
    return command


def refused(kind: str, /, **changes: Any) -> list[tuple[str, str]]:
    """Pointer and code of everything that is wrong with a spreadsheet's row."""
    found = parse(event(kind, **changes), TODAY, spreadsheet_leftovers=True)
    assert isinstance(found, tuple), found
    return [(error.pointer, error.code) for error in found]


@pytest.mark.parametrize("written", ["27.0", "27.00", "27.", "۲۷٫۰", "٢٧٫٠٠", "۲۷.۰", " 27.0 ", 27.0, 27])
def test_a_whole_number_may_have_a_fraction_of_nothing(written: object) -> None:
    assert cleaned("student", group_code=written) == student()


@pytest.mark.parametrize(
    "written",
    ["27.5", "27.05", "۲۷٫۵", 27.5, "27.0.0", "27,0", ".0", "-27.0", "27.0x", "2²7.0", "1e1", 1e300, "27 .0"],
)
def test_every_other_fraction_is_refused_as_it_is_elsewhere(written: object) -> None:
    expected = [("/data/group_code", "GROUP_CODE_INVALID")]
    assert refused("student", group_code=written) == errors("student", group_code=written) == expected


@pytest.mark.parametrize("written", ["27.0", "۲۷٫۰", 27.0])
def test_events_keep_refusing_a_fraction_of_nothing(written: object) -> None:
    assert errors("student", group_code=written) == [("/data/group_code", "GROUP_CODE_INVALID")]


def test_every_number_of_a_student_may_be_a_spreadsheets() -> None:
    row = cleaned(
        "student", year=1404.0, gender="0.0", edu_status="۱٫۰", reg_center=1.0, reg_status="0.0",
        group_code="27.0", school_code="101.00",
    )  # fmt: skip
    assert row == student()
    assert cleaned("student", school_code="0.0") == student(school_code=0)


def test_every_number_of_a_mentor_a_manager_and_a_roster_may_be_a_spreadsheets() -> None:
    school = {"type": "school", "schools": [101, 102]}
    row = cleaned(
        "mentor", mentor_id="150.0", gender=0.0, capacity="40.", manager_id=7.0, groups=["27.0", 1.0],
        centers=["۱٫۰", 0], type="school", schools=["101.0", 102.0],
    )  # fmt: skip
    assert row == mentor(**school)
    assert cleaned("manager", manager_id="7.0", centers=[1.0, "0.0"]) == manager()
    assert cleaned("roster", year="1404.0", school_codes=[101.0, "102.0"]) == roster()


@pytest.mark.parametrize("word", NOTHING)
def test_words_for_nothing_are_null_in_every_optional_field(word: str) -> None:
    row = cleaned("student", father_name=word, birth_date=word, school_code=word, mobile=word)
    assert row == student(father_name=None, birth_date=None, school_code=None, mobile=None)
    of_mentor = ("name", "mobile", "capacity", "active", "alias_code", "manager_id")
    assert cleaned("mentor", **dict.fromkeys(of_mentor, word)) == mentor(**dict.fromkeys(of_mentor))
    of_manager = ("full_name", "email", "phone")
    assert cleaned("manager", **dict.fromkeys(of_manager, word)) == manager(**dict.fromkeys(of_manager))
    assert cleaned("withdrawal", reason=word) == parsed("withdrawal", reason=None)


@pytest.mark.parametrize("word", NOTHING)
@pytest.mark.parametrize("kind", REQUIRED_OF)
def test_words_for_nothing_are_not_valid_in_a_required_field(kind: str, word: str) -> None:
    names = REQUIRED_OF[kind]
    expected = [(f"/data/{name}", f"{name.upper()}_INVALID") for name in names]
    assert sorted(refused(kind, **dict.fromkeys(names, word))) == sorted(expected)


def test_of_events_a_word_for_nothing_is_what_it_was() -> None:
    assert student(first_name="ندارد", father_name="N/A").personal.first_name == "ندارد"
    assert errors("student", mobile="N/A") == [("/data/mobile", "MOBILE_INVALID")]
    assert errors("mentor", capacity="-") == [("/data/capacity", "CAPACITY_INVALID")]


def test_a_word_for_nothing_among_others_is_text() -> None:
    row = cleaned("student", first_name="ندارد خانم", father_name="نا")
    assert row == student(first_name="ندارد خانم", father_name="نا")


@pytest.mark.parametrize(
    "written",
    [
        "+98 (0)912 345 6789", "+98(0)9123456789", "0098 0 912 345 6789", "00980 9123456789", "98 0912 345 6789",
        "098-0912-345-6789", "+۹۸ (۰)۹۱۲ ۳۴۵ ۶۷۸۹", "+98 912 345 6789", "9123456789",
    ],
)  # fmt: skip
def test_a_mobile_number_may_have_a_zero_behind_the_country_code(written: str) -> None:
    assert cleaned("student", mobile=written) == student(mobile="09123456789")
    assert cleaned("mentor", mobile=written) == mentor(mobile="09123456789")


@pytest.mark.parametrize(
    "written", ["+98 (00)912 345 6789", "+98 (0)812 345 6789", "+98 (0)912 345 678", "+97 (0)912 345 6789"]
)
def test_no_other_number_becomes_a_mobile_number(written: str) -> None:
    expected = [("/data/mobile", "MOBILE_INVALID")]
    assert refused("student", mobile=written) == errors("student", mobile=written) == expected


def test_events_keep_refusing_a_zero_behind_the_country_code() -> None:
    assert errors("student", mobile="+98 (0)912 345 6789") == [("/data/mobile", "MOBILE_INVALID")]


def test_a_refused_rows_centres_are_read_as_the_row_is() -> None:
    row = {"reg_center": "2.0", "centers": [1.0, "۰٫۰", "1.5"]}
    assert readable_centers(row, spreadsheet_leftovers=True) == (0, 1, 2)
    assert readable_centers(row) == ()


def test_words_for_nothing_are_listed_as_they_are_compared() -> None:
    assert {word.casefold() for word in NULL_WORDS} == NULL_WORDS


@pytest.mark.parametrize("data", [None, [], "text", 1])
def test_what_is_no_object_is_refused_with_and_without(data: object) -> None:
    opened = structs.replace(event("student"), data=data)
    assert parse(opened, TODAY, spreadsheet_leftovers=True) == parse(opened, TODAY)


def test_the_examples_are_of_the_types_that_have_optional_fields() -> None:
    for kind, expected in (
        ("student", RegisterStudent),
        ("mentor", RegisterMentor),
        ("manager", RegisterManager),
    ):
        assert isinstance(cleaned(kind), expected)
