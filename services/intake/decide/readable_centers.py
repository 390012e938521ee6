"""The centres that an event names, as far as they can be read: whose centre's operators see it when it is refused."""

from collections.abc import Iterator

from services.intake.decide import normalise
from services.intake.decide.commands import Command, RegisterManager, RegisterMentor, RegisterStudent
from services.intake.decide.fields import MAX_SET


def named_centers(command: Command | None, data: object) -> tuple[int, ...]:
    """The centres of a valid event, which may be refused on its state; of an invalid one those that can be read."""
    match command:
        case RegisterStudent():
            return (command.reg_center,)
        case RegisterMentor() | RegisterManager():
            return command.centers
        case None:
            return readable_centers(data)
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
