"""What an operator agrees to before a command writes: the plan as a whole, and each doubtful erasure by itself."""

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import NotConfirmed

YES: Final = "yes"


@dataclass(frozen=True, slots=True)
class Consent:
    """The answers: given beforehand (`yes`, `erasures`), or asked for. `ask` is None without a terminal.

    `yes` agrees to the plan. It never confirms an erasure: `erasures` names the subjects, or `ask` asks for each.
    """

    yes: bool = False
    erasures: frozenset[str] = frozenset()
    ask: Callable[[str], str] | None = None

    def confirmed(self, subjects: Collection[str], done: Collection[str] = ()) -> set[str]:
        """Those of `subjects` whose erasure the operator confirms, one by one.

        `done` are erased already: a command that is given again may name them. Raises `NotConfirmed` for any other
        name, before anything is asked: it is misspelled, or its erasure is requested by nothing.
        """
        if unknown := sorted(self.erasures.difference(subjects, done)):
            raise NotConfirmed(
                f"nothing was changed: the plan lists no doubtful erasure of {', '.join(unknown)}; give"
                " --confirm-erasure only for a subject that a line `not destroyed unless confirmed` names"
            )
        confirmed = set()
        for subject in subjects:
            if subject in self.erasures or (not self.yes and self._answers_yes(f"Erase {subject}?")):
                confirmed.add(subject)
        return confirmed

    def require(self) -> None:
        """Raises `NotConfirmed` unless the operator agrees to what was printed."""
        if self.yes or self._answers_yes("Do this?"):
            return
        if self.ask is None:
            raise NotConfirmed(
                "nothing was changed: there is no terminal to ask on; read the plan above, then run the command"
                " again with --yes (make: YES=1)"
            )
        raise NotConfirmed("nothing was changed: the answer was not yes")

    def _answers_yes(self, question: str) -> bool:
        return self.ask is not None and self.ask(f"{question} Type {YES} to agree: ").strip() == YES


def consent_of(arguments: Sequence[str], program: str) -> Consent:
    """The consent that a command line gives. Exits with 2 when it holds anything else."""
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--yes", action="store_true", help="agree to the plan without being asked")
    parser.add_argument(
        "--confirm-erasure",
        action="append",
        default=[],
        metavar="SUBJECT",
        help="erase this subject although nothing but a tombstone on rahnama.keys requests it (repeatable)",
    )
    given = parser.parse_args(arguments)
    return Consent(given.yes, frozenset(given.confirm_erasure), _ask if sys.stdin.isatty() else None)


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""
