"""The centres that an event names, as far as they can be read: whose centre's operators see it when it is refused."""

from collections.abc import Iterator
from typing import Final

from services.intake.decide import normalise
from services.intake.decide.fields import CENTERS, MAX_SET, REG_CENTER
from services.intake.decide.spreadsheets import without_leftovers

_CENTERS: Final = (REG_CENTER, CENTERS)


def readable_centers(data: object, *, spreadsheet_leftovers: bool = False) -> tuple[int, ...]:
    """The whole numbers in `reg_center` and `centers` of a refused event's data, sorted; of a list at most `MAX_SET`.

    They are read as `messages.parse` reads them.
    """
    if not isinstance(data, dict):
        return ()
    if spreadsheet_leftovers:
        data = without_leftovers(data, _CENTERS)
    several = data.get("centers")
    named = [data.get("reg_center"), *(several[:MAX_SET] if isinstance(several, list) else ())]
    return tuple(sorted(set(_read(named))))


def _read(named: list[object]) -> Iterator[int]:
    for value in named:
        try:
            yield normalise.integer(value, 0)
        except normalise.Invalid:
            continue
