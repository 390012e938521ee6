"""The report of a run of seeds."""

import json
from pathlib import Path

from tests.simulation.report import Tally, write_report
from tests.simulation.scenario import Outcome


def test_the_page_and_the_data_tell_every_fault_and_every_failing_seed(tmp_path: Path) -> None:
    tally = Tally(7, 2, "abc")
    tally.add(Outcome(7, faults={"process killed": 2, "topic wiped": 1}, steps=10, seconds=3.0))
    tally.add(Outcome(8, ["I3: a gap", "I1: twice"], faults={"process killed": 1}))
    tally.add(Outcome(9))
    data, page = write_report(tally.report(1.5), tmp_path)
    report = json.loads(data.read_text(encoding="utf-8"))
    assert (report["seeds"], report["first"], report["failures"]) == (3, 7, [8])
    assert report["faults"] == {"process killed": 3, "topic wiped": 1}
    assert report["seeds_with_fault"] == {"process killed": 2, "topic wiped": 1}
    assert report["seeds_without_faults"] == 1
    text = page.read_text(encoding="utf-8")
    assert "| process killed | 3 | 2 |" in text
    assert "`make simulate SEEDS=1 FIRST=8`: I3: a gap" in text
