"""Birth dates: Gregorian or Jalali, told apart by their century."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

import jdatetime

from services.intake.decide.normalise import Invalid, digits_text

_DATE: Final = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
JALALI_YEARS: Final = range(1250, 1500)
GREGORIAN_YEARS: Final = range(1871, 2121)
"""The same 250 years: no other century has anybody to be registered, and the two never overlap."""
SHORT: Final = 16
"""Characters of a value that is remembered with its result."""
FIRST: Final = "1920-01-01"
"""Earlier dates are spreadsheets' day 0 and typing errors; that it is not after today is checked in `parse`."""


def birth_date(value: object) -> str | None:
    """A Gregorian ISO date, from one or from a Jalali one (`1385/04/12`); null and empty text are None."""
    if isinstance(value, str) and len(value) <= SHORT:
        return _remembered(value)
    return None if value is None else _converted(value)


# A cohort's birth dates are a few thousand days, and a Jalali one costs more than all other fields together.
@lru_cache(maxsize=16_384)
def _remembered(value: str) -> str | None:
    return _converted(value)


def _converted(value: object) -> str | None:
    written = digits_text(value)
    if not written:
        return None
    match = _DATE.fullmatch(written)
    if match is None:
        raise Invalid
    year, month, day = int(match[1]), int(match[3]), int(match[4])
    try:
        if year in JALALI_YEARS:
            gregorian = str(jdatetime.date(year, month, day).togregorian().isoformat())
        elif year in GREGORIAN_YEARS:
            gregorian = date(year, month, day).isoformat()
        else:
            raise Invalid
    except ValueError as error:
        raise Invalid from error
    if gregorian < FIRST:
        raise Invalid
    return gregorian
