"""What is accepted of spreadsheets is accepted besides, and changes nothing else."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.intake.decide.events import InboundEvent
from services.intake.decide.fields import Field
from services.intake.decide.messages import INBOUND, INBOUND_TYPES, parse
from services.intake.decide.normalise import NULL_WORDS, Invalid, text
from services.intake.decide.spreadsheets import without_leftovers
from tests.property.test_intake_parse import NAMES, VALUES, assert_no_echo
from tests.unit.intake.examples import TODAY

FIELDS = tuple(field for kind in INBOUND.values() for field in kind.fields)
ASCII, PERSIAN, ARABIC = "0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩"
CELLS = VALUES | st.text("0123456789۰۱۲+98.٫-()/ ندارNAa", max_size=16)
DATA = st.dictionaries(st.sampled_from(NAMES), CELLS)
NUMBERS = st.integers(0, 2**31 - 1) | st.sampled_from([0, 1, 3, 27, 101, 1404])
REFUSED = object()


def read(field: Field, value: object) -> Any:
    """What the field makes of a value; `REFUSED` of one that is not valid."""
    try:
        return field.read(value) if value is not None else None
    except Invalid:
        return REFUSED


def is_null_word(value: object) -> bool:
    """Whether the value is the text for nothing."""
    try:
        return text(value).casefold() in NULL_WORDS
    except Invalid:
        return False


@given(st.sampled_from(FIELDS), CELLS.filter(lambda value: not is_null_word(value)))
def test_what_is_valid_without_is_the_same_value_with(field: Field, value: object) -> None:
    plain = read(field, value)
    if plain is not REFUSED:
        assert read(field, without_leftovers({field.name: value}, [field])[field.name]) == plain


@given(NUMBERS, st.integers(0, 6), st.sampled_from([ASCII, PERSIAN, ARABIC]), st.sampled_from(".٫"))
def test_every_field_of_whole_numbers_takes_a_fraction_of_nothing(
    number: int, zeros: int, digits: str, separator: str
) -> None:
    written = f"{number}.{'0' * zeros}".translate(str.maketrans(ASCII + ".", digits + separator))
    for field in FIELDS:
        for plain, cell in ((number, written), ([number], [written])):
            expected = read(field, plain)
            if expected is not REFUSED:
                assert read(field, without_leftovers({field.name: cell}, [field])[field.name]) == expected, (
                    field.name
                )


@given(NUMBERS, st.integers(0, 4), st.integers(1, 9))
def test_no_field_takes_another_fraction_for_a_whole_number(number: int, zeros: int, digit: int) -> None:
    written = f"{number}.{'0' * zeros}{digit}"
    for field in FIELDS:
        for plain, cell in ((number, written), (number, float(written)), ([number], [written])):
            if read(field, plain) is not REFUSED and float(written) != number:
                assert read(field, without_leftovers({field.name: cell}, [field])[field.name]) is REFUSED, (
                    field.name
                )


@given(DATA, st.sampled_from([kind.fields for kind in INBOUND.values()]))
def test_cleaned_data_is_clean(data: dict[str, object], known: tuple[Field, ...]) -> None:
    once = without_leftovers(data, known)
    assert once.keys() == data.keys()
    assert without_leftovers(once, known) == once


@given(st.sampled_from(sorted(INBOUND_TYPES)), DATA)
def test_parsing_never_fails_and_repeats_no_value(kind: str, data: dict[str, object]) -> None:
    event = InboundEvent(id="1", source="s", type=kind, occurred_at=None, traceparent=None, data=data)
    answer = parse(event, TODAY, spreadsheet_leftovers=True)
    assert not isinstance(answer, tuple) or answer
    if isinstance(answer, tuple):
        assert_no_echo(answer)
