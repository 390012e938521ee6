"""What can go wrong on a developer's machine, each said in the words of the person in front of it.

LocalError
├── ToolMissingError     Java, Maven or Postgres' binaries are not there, or too old
├── JarsDifferError      Maven brought other bytes than the pinned ones
├── PortTakenError       somebody else listens on a port that is not ours to choose
├── PartFailedError      a server or service ended or did not become ready
└── TopicDiffersError    a topic exists with another number of partitions
"""


class LocalError(Exception):
    """The base of all of them; its message is shown to the user as it is."""


class ToolMissingError(LocalError):
    """A program that must be installed is missing or too old."""


class JarsDifferError(LocalError):
    """Kafka's jars are not the ones pinned in infra/kafka/jars.sha256."""


class PortTakenError(LocalError):
    """A fixed port is in use."""

    def __init__(self, port: int, wanted_by: str, holder: str | None, setting: str | None = None) -> None:
        """`holder` names the process that listens, where it could be found; `setting` moves the port."""
        self.port = port
        held = f"{holder} listens on it" if holder else "another program listens on it"
        way_out = f"Stop that program, or set {setting} to a free port." if setting else "Stop that program."
        super().__init__(f"Port {port} is needed by {wanted_by}, but {held}. {way_out}")


class PartFailedError(LocalError):
    """A part ended, or was not ready in time."""

    def __init__(self, part: str, reason: str, log_tail: str = "") -> None:
        """`log_tail` is the end of the part's log and is shown below the reason."""
        self.part = part
        self.reason = reason
        self.log_tail = log_tail
        super().__init__(f"{part}: {reason}" + (f"\n{log_tail}" if log_tail else ""))


class TopicDiffersError(LocalError):
    """A topic's partitions cannot be changed without moving its keys, so this is never repaired silently."""
