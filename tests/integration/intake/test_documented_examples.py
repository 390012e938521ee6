"""The inbound examples of docs/events.md are accepted when they are sent one after the other, as they stand."""

import re
from pathlib import Path

from tests.integration.intake.harness import Intake

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
INBOUND = PAGE.partition("## 2. Inbound")[2].partition("\n## 3.")[0]


async def test_every_inbound_example_is_accepted_in_the_order_of_the_page(intake: Intake) -> None:
    examples = re.findall(r"```json\n(.*?)```", INBOUND, re.DOTALL)
    assert len(examples) == 5
    for example in examples:
        answer = await intake.post(example.encode())
        assert (answer.status_code, answer.json()["status"]) == (202, "accepted"), answer.text
