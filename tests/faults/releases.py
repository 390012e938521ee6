"""The next release, as far as these tests need one: it writes and reads mentors' facts of version 2.

The second version says the same as the first; what matters is that the present release does not know its type.
"""

import msgspec

from shared.contracts import facts

V1 = "rahnama.intake.mentor.registered.v1"
V2 = "rahnama.intake.mentor.registered.v2"


def write_next_version() -> None:
    """Intake of the next release."""
    facts.FACT_NAMES[facts.MentorRegistered] = V2


def read_next_version() -> None:
    """Allocation of the next release: it understands both."""
    facts.FACT_TYPES[V2] = facts.MentorRegistered
    facts._decoders[V2] = msgspec.json.Decoder(facts.MentorRegistered)
