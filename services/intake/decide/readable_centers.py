"""The centres that an event names, as far as they can be read: whose centre's operators see it when it is refused."""

from collections.abc import Iterator
from typing import Final

from services.intake.decide import normalise
from services.intake.decide.commands import Command, RegisterManager, RegisterMentor, RegisterStudent
from services.intake.decide.fields import MANAGER, MAX_SET, STUDENT
from services.intake.decide.spreadsheets import without_leftovers

_CENTERS: Final = tuple(field for field in (*STUDENT, *MANAGER) if field.name in ("reg_center", "centers"))


def named_centers(
    command: Command | None, data: object, *, spreadsheet_leftovers: bool = False
) -> tuple[int, ...]:
    """The centres of a valid event, which may be refused on its state; of an invalid one those that can be read.

    They are read as `parse` reads them.
    """
    match command:
        case RegisterStudent():
            return (command.reg_center,)
        case RegisterMentor() | RegisterManager():
            return command.centers
        case None:
            return readable_centers(
                without_leftovers(data, _CENTERS)
                if spreadsheet_leftovers and isinstance(data, dict)
                else data
            )
        case _:
            return ()


def readable_centers(data: object) -> tuple[int, ...]:
    """The whole numbers in `reg_center` and `centers` of an event's data, sorted; of a list at most `MAX_SET`."""
    if not isinstance(data, dict):
        return ()
    several = data.get("centers")
    named = [data.get("reg_center"), *(several[:MAX_SET] if isinstance(several, list) else ())]
    return tuple(sorted(set(_read(named))))


def _read(named: list[object]) -> Iterator[int]:
    for value in named:
        try:
            yield normalise.integer(value, 0)
        except normalise.Invalid:
            continue
