"""The one error tree.

    RahnamaError
    ├── Rejected                 the input is wrong; its sender can mend it
    │   ├── Unauthenticated      no token, or none that can be trusted
    │   ├── Forbidden            the token's role does not reach this
    │   └── NotFound             it does not exist for this caller
    ├── Unavailable              nothing is wrong with the input; try again later
    │   ├── GateClosed           the log may not grow until it was compared with its topic
    │   ├── PositionNotReached   a read was asked to wait for a position that did not come
    │   ├── TooManyRequests      the caller has exceeded a limit of its own
    │   └── OutcomeUnknown       the connection was lost during a commit
    ├── Conflict                 another writer was first; load again and decide anew
    │   └── StalePosition        the inbox has moved since the state in memory was built
    ├── CannotRecover            a command for restored databases cannot do what it was asked
    │   ├── InUse                a service, or another such command, runs on the database
    │   ├── Unfinished           such a command was begun and has not ended
    │   ├── NotTheOwner          the role has not the rights
    │   └── NotConfirmed         the operator did not agree to what it would do
    ├── Misconfigured            a setting does not fit the installation; its operator can mend it
    └── Held                     a partition cannot go on; a person must look
        ├── Gap                  the next sequence is missing from the topic
        ├── Fork                 two histories disagree
        └── Unapplicable         a record that this release cannot apply

`shared.http.problems` turns a category into an HTTP status, and is the only place that does.
"""

from dataclasses import dataclass


class RahnamaError(Exception):
    """Something went wrong inside Rahnama."""

    code = "INTERNAL"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with an input: where (JSON pointer), what (stable code), and in words.

    `message` is English, `message_fa` Persian; neither repeats the value, which may be personal data.
    """

    pointer: str
    code: str
    message: str
    message_fa: str = ""


class Rejected(RahnamaError):
    """The input is wrong."""

    code = "INVALID"

    def __init__(self, message: str, *, code: str | None = None, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.errors = errors


class Unauthenticated(Rejected):
    """A valid bearer token is needed. `reason` is for the log, never for the answer."""

    code = "UNAUTHENTICATED"

    def __init__(self, message: str, *, reason: str = "token_missing") -> None:
        super().__init__(message)
        self.reason = reason


class Forbidden(Rejected):
    """The token's roles do not reach this."""

    code = "FORBIDDEN"


class NotFound(Rejected):
    """There is no such thing for this caller."""

    code = "NOT_FOUND"


class Unavailable(RahnamaError):
    """Try again later. `retry_after_seconds` says when."""

    code = "UNAVAILABLE"
    retry_after_seconds = 1


class GateClosed(Unavailable):
    """The log may not grow until it was compared with its topic."""

    code = "GATE_CLOSED"
    retry_after_seconds = 5


class PositionNotReached(Unavailable):
    """The read was asked to wait for a position that did not come in time."""

    code = "POSITION_NOT_REACHED"


class TooManyRequests(Unavailable):
    """The caller has exceeded a limit of its own; others are not affected."""

    code = "TOO_MANY_REQUESTS"

    def __init__(self, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(Unavailable):
    """The connection was lost during a commit: the event may or may not be kept. Send it again."""

    code = "OUTCOME_UNKNOWN"


class Conflict(RahnamaError):
    """Another writer was first."""

    code = "CONFLICT"


class StalePosition(Conflict):
    """The inbox has moved since the state in memory was built."""


class CannotRecover(RahnamaError):
    """The database cannot be brought to where its topics are; nothing was changed beyond what was told."""

    code = "CANNOT_RECOVER"


class InUse(CannotRecover):
    """The database is not for this process alone."""


class Unfinished(CannotRecover):
    """A command was begun on this database and did not end: it must be given again."""


class NotTheOwner(CannotRecover):
    """The role of the DSN has not the rights that this command needs."""


class NotConfirmed(CannotRecover):
    """The operator did not agree to what the command would do; nothing was changed."""

    code = "NOT_CONFIRMED"


class Misconfigured(RahnamaError, ValueError):
    """A setting does not fit the installation."""

    code = "MISCONFIGURED"


class Held(RahnamaError):
    """Partition {partition} of {source} is held at sequence {sequence}: {reason}"""

    code = "PARTITION_HELD"

    def __init__(self, source: str, partition: int, sequence: int, reason: str) -> None:
        super().__init__(f"partition {partition} of {source} is held at sequence {sequence}: {reason}")
        self.source = source
        self.partition = partition
        self.sequence = sequence
        self.reason = reason


class Gap(Held):
    """The next sequence is missing from the topic."""

    code = "GAP"


class Fork(Held):
    """Two histories disagree about what stands at a sequence."""

    code = "FORK"


class Unapplicable(Held):
    """This release cannot apply the record: an unknown type, or bytes that are no event."""

    code = "UNAPPLICABLE"
