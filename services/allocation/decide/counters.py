"""The student's counter: `YY`, 373 for girls or 357 for boys, and four digits from 0001."""

import re
from functools import lru_cache
from typing import Final

PREFIXES: Final = ("373", "357")
"""By gender: 0 female, 1 male."""
LAST_NUMBER: Final = 9999
_is_counter: Final = re.compile(r"[0-9]{2}(?:373|357)[0-9]{4}").fullmatch


def counter_of(year: int, gender: int, number: int) -> str:
    """The counter of a number from 1 to 9999 in the pool's sequence of that year."""
    return _beginning(year, gender) + str(number).zfill(4)


def number_of(counter: str) -> int:
    """A counter's place in its sequence. Raises `ValueError` for what is no counter."""
    if _is_counter(counter) is None:
        raise ValueError(f"{counter!r} is no counter")
    return int(counter[5:])


def next_counter(year: int, gender: int, last: int) -> str | None:
    """The counter after number `last`; None when the year's sequence is used up."""
    return counter_of(year, gender, last + 1) if last < LAST_NUMBER else None


@lru_cache(maxsize=64)
def _beginning(year: int, gender: int) -> str:
    return f"{year % 100:02d}{PREFIXES[gender]}"
