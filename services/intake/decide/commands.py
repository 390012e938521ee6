"""What every command is: what upstream asks for, normalised and valid. Each type's own is in its module.

Personal fields stand apart, so that they are sealed as one.
"""

from typing import ClassVar

import msgspec


class Private(msgspec.Struct, frozen=True, gc=False):
    """Shows no field when it is printed, so that none gets into a log or a failure's report."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Personal(Private, frozen=True, kw_only=True, gc=False):
    """The personal data of one subject."""


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What upstream asks for at `occurred_at` (RFC 3339, UTC), and what its transaction must know of it."""

    occurred_at: str | None

    creates_student: ClassVar[bool] = False
    moves_references: ClassVar[bool] = False
    """Whether other subjects' facts are made of it."""
    rederives: ClassVar[bool] = False
    """Whether it changes the facts of a year's students."""

    @property
    def subject(self) -> str | None:
        """`mentor/<id>` and its like; None of a student, whose pseudonym a command does not know."""
        return None

    @property
    def national_id(self) -> str | None:
        """Of the student whom it is about."""
        return None

    @property
    def personal(self) -> Personal | None:
        """What is sealed."""
        return None

    @property
    def centers(self) -> tuple[int, ...]:
        """The centres that it names."""
        return ()


class StudentCommand(Command, frozen=True, kw_only=True, gc=False):
    """Concerns one academic year of a student."""

    year: int
