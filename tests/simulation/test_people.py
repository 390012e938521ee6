"""What the simulation sends: a type that it never sends is a type whose faults it never sees."""

import random

from services.intake.decide.messages import INBOUND_TYPES
from tests.simulation.people import Cohort


def test_every_inbound_type_is_sent() -> None:
    [messages] = Cohort(random.Random("types")).lanes(2_000, lanes=1)
    assert {message.document["type"] for message in messages} >= INBOUND_TYPES
