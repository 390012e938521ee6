"""The report of a run of seeds."""

import json
import random
from pathlib import Path

from infra.services import NAMES
from tests.simulation.faults import Faults
from tests.simulation.installation import Installation, Shape
from tests.simulation.loop import SimulatedLoop
from tests.simulation.pages import write_report
from tests.simulation.report import Tally
from tests.simulation.scenario import Outcome


def test_the_page_and_the_data_tell_every_fault_and_every_failing_seed(tmp_path: Path) -> None:
    tally = Tally(7, 2, "abc")
    tally.add(
        Outcome(
            7,
            faults={"process killed": 2, "topic wiped": 1},
            missed={"topic wiped": 4},
            steps=10,
            seconds=3.0,
        )
    )
    tally.add(Outcome(8, ["I3: a gap", "I1: twice"], faults={"process killed": 1}))
    tally.add(Outcome(9, missed={"group rearranged": 1}))
    data, page = write_report(tally.report(1.5), tmp_path)
    report = json.loads(data.read_text(encoding="utf-8"))
    assert (report["seeds"], report["first"], report["failures"]) == (3, 7, [8])
    assert report["faults"] == {"process killed": 3, "topic wiped": 1}
    assert report["seeds_with_fault"] == {"process killed": 2, "topic wiped": 1}
    assert report["did_not_happen"] == {"topic wiped": 4, "group rearranged": 1}
    assert report["seeds_without_faults"] == 1
    text = page.read_text(encoding="utf-8")
    assert "| process killed | 3 | 0 | 2 |" in text
    assert "| topic wiped | 1 | 4 | 1 |" in text
    assert "| group rearranged | 0 | 1 | 0 |" in text
    assert "`make simulate SEEDS=1 FIRST=8`: I3: a gap" in text


def test_a_fault_that_found_nothing_to_break_is_not_counted_as_made() -> None:
    """No process has been started yet."""
    loop = SimulatedLoop(random.Random(1), shuffle=0.0)
    shape = Shape(2, dict.fromkeys(NAMES, 1), 10, 1, 0.1, 2.0)
    try:
        faults = Faults(Installation(loop, shape, 1), random.Random(1), enabled=True)
        faults.counted["process killed"] += 2
        loop.run_until_complete(faults._break("process killed"))
        assert faults.counted == {"process killed": 1}
        assert faults.missed == {"process killed": 1}
    finally:
        loop.bury()
