"""Known answers of the domain for every kind of value."""

import pytest

from services.intake.decide import fields, mentor_registered, normalise
from services.intake.decide.birth_date import birth_date
from services.intake.decide.normalise import Invalid


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("  كاظم\u200c ي    زهرا  ", "کاظم ی زهرا"),
        ("كلاس يک ۱۲۳٤۵۶۷۸۹", "کلاس یک 123456789"),
        ("فارغ\u200cالتحصیل", "فارغالتحصیل"),
        ("\ufeffعلی\u202e", "علی"),
        ("ﻛﺎﻇﻤﻲ", "کاظمی"),
        ("Ａｌｉ\u00a0رضا", "Ali رضا"),
        ("a\tb\nc", "abc"),
        ("e\u200b\u0301", "é"),
        ("ي\u0654", "ئ"),
        ("", ""),
        (" \u200c ", ""),
        ("x" * 256, "x" * 256),
    ],
)
def test_text_has_one_form(written: str, expected: str) -> None:
    assert normalise.text(written) == expected


@pytest.mark.parametrize(
    "written",
    ["x" * 257, "ﷺ" * 15, "ﷺ" * 200, "a" + "\u0301" * 61, " " * 5000, 1, 1.5, True, None, ["علی"], {"a": 1}],
)
def test_text_of_another_kind_or_length_is_refused(written: object) -> None:
    with pytest.raises(Invalid):
        normalise.text(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1332073689", "1332073689"),
        ("۰۰۶۰۳۰۸۶۴۸", "0060308648"),
        ("٦٨١٨٧٦٣٣٨٣", "6818763383"),
        ("0012345679", "0012345679"),
        (" 1332073689\u200c ", "1332073689"),
    ],
)
def test_a_national_id_with_a_fitting_check_digit_is_valid(written: str, expected: str) -> None:
    assert normalise.national_id(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "1332073688",
        "0012345678",
        "123456789",
        "1111111111",
        "",
        "133207368x",
        "13320736899",
        "१३३२०७३६८९",
        1332073689,
    ],
)
def test_another_national_id_is_refused(written: object) -> None:
    with pytest.raises(Invalid):
        normalise.national_id(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("+98 912 123 4567", "09121234567"),
        ("00989121234567", "09121234567"),
        ("98-912-345-6789", "09123456789"),
        ("0989123456789", "09123456789"),
        ("۹۱۲۳۴۵۶۷۸۹", "09123456789"),
        ("(0912) 345-6789", "09123456789"),
        ("9812345678", "09812345678"),
        ("09812345678", "09812345678"),
        ("", None),
        (" - ", None),
        (None, None),
    ],
)
def test_a_mobile_number_is_read_from_every_usual_way_to_write_it(
    written: object, expected: str | None
) -> None:
    assert normalise.mobile(written) == expected


@pytest.mark.parametrize(
    "written",
    ["09123", "08123456789", "12345", "09123x67890", "0912345678٫", "+09123456789", "++989123456789", "09१23456789", 9121234567, True],
)  # fmt: skip
def test_another_mobile_number_is_refused(written: object) -> None:
    with pytest.raises(Invalid):
        normalise.mobile(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2006-07-03", "2006-07-03"), ("1385/04/12", "2006-07-03"), ("1385-04-12", "2006-07-03"),
        ("۱۳۸۵/۴/۱۲", "2006-07-03"), ("1399/12/30", "2021-03-20"), ("2004-02-29", "2004-02-29"),
        ("1304-01-01", "1925-03-21"), ("1925-03-21", "1925-03-21"), ("", None), (None, None),
    ],
)  # fmt: skip
def test_a_birth_date_becomes_gregorian(written: object, expected: str | None) -> None:
    assert birth_date(written) == expected


@pytest.mark.parametrize(
    "written",
    ["1385/13/01", "1385/07/31", "1400/12/30", "2005-02-29", "1385/04-12", "12/04/1385", "1700-01-01", "13850412", "2006-07-03T00:00:00Z", 1385, True],
)  # fmt: skip
def test_another_birth_date_is_refused(written: object) -> None:
    with pytest.raises(Invalid):
        birth_date(written)


@pytest.mark.parametrize(
    ("written", "expected"), [(7, 7), ("7", 7), ("۰۰۷", 7), (" ٧ ", 7), (2**31 - 1, 2**31 - 1)]
)
def test_a_positive_whole_number_may_be_written_in_digits(written: object, expected: int) -> None:
    assert normalise.integer(written) == expected


@pytest.mark.parametrize(
    "written", [0, -1, 1.0, True, "1.0", "+1", "", "x", "½", 2**31, 10**400, "9" * 11, [1]]
)
def test_another_number_is_refused(written: object) -> None:
    with pytest.raises(Invalid):
        normalise.integer(written)


@pytest.mark.parametrize(
    "written", [None, 0, "", " ", "0", "۰", "000000", "null", "None", "NULL", "-", "ندارد", "هيچ", "N/A"]
)
def test_words_for_nothing_are_no_school(written: object) -> None:
    assert normalise.optional_integer(written) is None


@pytest.mark.parametrize("written", [-1, 1.5, False, "x", "دارد", [], 2**31])
def test_another_school_code_is_refused(written: object) -> None:
    with pytest.raises(Invalid):
        normalise.optional_integer(written)


def test_a_list_of_numbers_becomes_a_sorted_set() -> None:
    assert normalise.integers([3, "۱", 3, 2], 10) == (1, 2, 3)
    assert normalise.integers([0], 10, least=0) == (0,)
    assert normalise.integers([], 10) == ()


@pytest.mark.parametrize("written", [[0], [True], [1.0], [None], "1", {"1": 1}, [1] * 11, [[1]], 1])
def test_another_list_is_refused(written: object) -> None:
    with pytest.raises(Invalid):
        normalise.integers(written, 10)


@pytest.mark.parametrize("word", ["زن", "دختر", "خانم", "female", "F", "Girl", 0, "0", "۰"])
def test_words_for_female(word: object) -> None:
    assert fields.gender(word) == 0


@pytest.mark.parametrize("word", ["مرد", "پسر", "آقا", "MALE", "m", "boy", 1, "1", "۱", " پسر "])
def test_words_for_male(word: object) -> None:
    assert fields.gender(word) == 1


def test_words_for_statuses_and_types() -> None:
    assert [fields.reg_status(word) for word in ("حکمت", "hekmat", "حكمت", 3)] == [3] * 4
    assert [fields.reg_status(word) for word in ("بنیاد", "Bonyad", "1")] == [1] * 3
    assert [fields.reg_status(word) for word in ("عادی", "normal", "عادي", 0)] == [0] * 4
    assert [fields.edu_status(word) for word in ("فارغ", "graduate", "فارغ\u200cالتحصیل", 0)] == [0] * 4
    assert [fields.edu_status(word) for word in ("محصل", "student", 1)] == [1] * 3
    assert [mentor_registered.mentor_type(word) for word in ("عادی", "Normal")] == ["normal"] * 2
    assert [mentor_registered.mentor_type(word) for word in ("مدرسه", "school")] == ["school"] * 2


@pytest.mark.parametrize("value", [True, False, 2, -1, 1.0, 0.0, "", "x", None, [], {}])
def test_enumerations_refuse_booleans_fractions_and_unknown_values(value: object) -> None:
    for read in (
        fields.gender,
        fields.edu_status,
        fields.reg_status,
        mentor_registered.mentor_type,
    ):
        with pytest.raises(Invalid):
            read(value)


def test_booleans_are_booleans() -> None:
    assert normalise.boolean(True) is True
    for value in (1, 0, "true", None):
        with pytest.raises(Invalid):
            normalise.boolean(value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("\u061c0060308648", "0060308648"),  # Arabic letter mark
        ("\u2067۰۰۶۰۳۰۸۶۴۸\u2069", "0060308648"),
        ("006\u034f0308648\U000e0020", "0060308648"),
    ],
)
def test_invisible_characters_do_not_refuse_a_national_id(given: str, expected: str) -> None:
    assert normalise.national_id(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("علـــی", "علی"),
        ("موسى", "موسی"),
        ("\u2800زهرا\u2800\u2800کاظمی\u2800", "زهرا کاظمی"),
        ("م\u200cن", "من"),
        ("ﷺ", "صلی الله علیه وسلم"),
        ("ا\u0640\u0653", "آ"),
    ],
)
def test_letters_have_one_form(given: str, expected: str) -> None:
    assert normalise.text(given) == expected
    assert normalise.text(expected) == expected


def test_every_default_ignorable_code_point_is_removed() -> None:
    # The ranges of Unicode's DerivedCoreProperties.txt, as the standard gives them.
    ranges = [
        (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
        (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    ]  # fmt: skip
    for first, last in ranges:
        for point in range(first, last + 1):
            assert normalise.text(f"ا{chr(point)}ب") == "اب", hex(point)


def test_marks_that_a_removed_letter_kept_apart_are_put_in_order() -> None:
    once = normalise.text("\u065d\ufe79\u066d")
    assert normalise.text(once) == once
    with pytest.raises(Invalid):  # a kashida and its mark, again and again: too many marks at once
        normalise.text("\ufe79" * 61)
