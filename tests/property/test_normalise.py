"""What holds for every text and every value, however strange."""

import re
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from services.intake.decide import fields, mentor_registered, normalise
from services.intake.decide.birth_date import birth_date
from services.intake.decide.normalise import Invalid

# Letters, digits, marks and invisible characters that meet each other in real input.
MIXED = st.text(
    st.sampled_from(
        "آاأئكکيیىهٔ\u0654\u0301\u200b\u200c\u200e\u202e\u2060\u2066\ufeff\u0640 \t\n\u00a0\u3000۱٢3aZ-+/()ﻛﻲﷺ½²"
    ),
    max_size=40,
)
MARKS = st.text(
    st.sampled_from("اى\u0640\u064f\u0653\u0654\u065d\u066d\ufe77\ufe79\ufe7b\u0301\u0344\u200b "),
    max_size=100,
)
"""Letters whose marks change places, and presentation forms that hold a kashida between them."""
TEXT = MIXED | MARKS | st.text(max_size=40)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=10,
)
FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff۰-۹٠-٩يك]|  |^ | $"
)
READERS = (
    normalise.text, normalise.name, normalise.optional_name, normalise.digits_text, normalise.optional_text, normalise.national_id, normalise.mobile,
    normalise.integer, normalise.optional_integer, normalise.boolean, fields.gender, fields.edu_status,
    fields.reg_status, mentor_registered.mentor_type, birth_date,
)  # fmt: skip


@given(TEXT)
@example("e\u200b\u0301")
@example("ﻲ\u200c\u0654")
@example("\u065d\ufe79\u066d")
@example("\ufe79" * 61)
def test_normalised_text_is_normal_and_stays_as_it_is(written: str) -> None:
    try:
        normal = normalise.text(written)
    except Invalid:
        return
    assert FORBIDDEN.search(normal) is None
    assert len(normal) <= 256
    assert unicodedata.is_normalized("NFKC", normal)
    assert normalise.text(normal) == normal


@given(st.text(st.characters(max_codepoint=0x06FF), max_size=60))
def test_the_short_way_for_plain_text_gives_what_the_whole_way_gives(written: str) -> None:
    visible = re.sub("[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u0640\u200b-\u200f]", "", written)
    digits = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩يىك", "01234567890123456789ییک")
    assert normalise.text(written) == " ".join(
        unicodedata.normalize("NFKC", visible).translate(digits).split()
    )


@given(JSON)
def test_readers_give_a_value_or_refuse_and_change_their_own_result_no_more(written: object) -> None:
    for read in READERS:
        try:
            value = read(written)
        except Invalid:
            continue
        assert read(value) == value


@given(st.lists(st.integers(0, 9), min_size=9, max_size=9))
def test_nine_digits_have_exactly_one_check_digit(digits: list[int]) -> None:
    text = "".join(map(str, digits))
    remainder = sum(digit * (10 - place) for place, digit in enumerate(digits)) % 11
    fitting = text + str(remainder if remainder < 2 else 11 - remainder)
    for last in "0123456789":
        try:
            valid = normalise.national_id(text + last) == text + last
        except Invalid:
            valid = False
        assert valid == (text + last == fitting and len(set(fitting)) > 1)


@given(
    st.integers(0, 999_999_999),
    st.sampled_from(["0098", "+98", "098", "98", "0", ""]),
    st.sampled_from(" -./"),
)
def test_a_mobile_number_is_the_same_under_every_prefix(number: int, prefix: str, separator: str) -> None:
    digits = f"{number:09d}"
    written = f"{prefix}9{digits[:2]}{separator}{digits[2:5]}{separator}{digits[5:]}"
    assert normalise.mobile(written) == f"09{digits}"
    assert normalise.mobile(written.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))) == f"09{digits}"


@given(TEXT)
def test_a_mobile_number_is_nothing_or_eleven_digits(written: str) -> None:
    try:
        number = normalise.mobile(written)
    except Invalid:
        return
    assert number is None or re.fullmatch("09[0-9]{9}", number)


@given(st.lists(st.integers(1, 1000) | st.integers(1, 1000).map(str), max_size=20))
def test_a_set_is_sorted_and_without_repeats(items: list[int | str]) -> None:
    found = normalise.integers(items, 20)
    assert list(found) == sorted({int(item) for item in items})
    assert normalise.integers(list(found), 20) == found
