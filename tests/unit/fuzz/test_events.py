"""The fuzzer of events: what it tries, what it takes for declared, and that it finds what is not."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import CorrelationIdError, CorruptRecordException, UnsupportedCodecError

from services.intake.decide import events
from services.intake.inbox import receive
from shared.errors import FieldError
from shared.kafka.header_names import PatientBatch, PatientRecords
from tests.fuzz.events.engine import fuzz_by_seed, meet
from tests.fuzz.events.held import PartitionHeld, taking_apart
from tests.fuzz.events.inputs import (
    Door,
    Input,
    fetch,
    golden_events,
    pack,
    seeds,
    spreadsheet_rows,
    structured,
    unpack,
)
from tests.fuzz.events.mutations import flip_bytes, mutate, mutate_packed
from tests.fuzz.events.tables import write_report
from tests.fuzz.events.tally import Tally
from tests.fuzz.events.target import Target, documented_codes

INPUTS = 3_000
STRUCTURED = structured()


@pytest.fixture(scope="module")
def target() -> Target:
    return Target()


@pytest.mark.parametrize("door", Door)
def test_the_golden_events_are_accepted_at_every_door(target: Target, door: Door) -> None:
    met: Counter[str] = Counter()
    for made in seeds():
        if made.door is door:
            met += target.meet(made)
    assert set(met) == {"accepted", "rejected STUDENT_NOT_REGISTERED"}


@pytest.mark.parametrize("door", [Door.HTTP, Door.RECORD])
def test_the_rows_of_spreadsheets_are_cleaned_for_their_tenant_alone(target: Target, door: Door) -> None:
    met: Counter[str] = Counter()
    for row in spreadsheet_rows():
        made = Input(door, STRUCTURED, row.replace(b"/upstream/qom", b"/upstream/demo"))
        met += target.meet(made)
    assert "accepted" not in met
    assert set(met) >= {"rejected YEAR_INVALID", "rejected MENTOR_ID_INVALID"}


def test_mutations_end_in_many_declared_outcomes_and_in_no_other(target: Target, tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    fuzz_by_seed(target, tally, INPUTS, seed=11)
    assert tally.failures == {}
    assert tally.count == INPUTS
    assert set(tally.inputs) == {door.name for door in Door}
    outcomes = set().union(*tally.outcomes.values())
    assert {"accepted", "duplicate", "refused BODY_UNREADABLE", "rejected EVENT_INVALID"} <= outcomes
    assert {
        "held CorruptRecordException in its batches",
        "held DecompressionError in its records",
    } <= outcomes
    assert len(outcomes) > 40


@pytest.mark.parametrize("stage", ["batches", "records"])
@pytest.mark.parametrize(
    ("error", "holds"),
    [
        (CorruptRecordException(), True),
        (SystemError("Negative size passed to PyBytes_FromStringAndSize"), True),
        (SystemError("error return without exception set"), False),
        (AttributeError("planted"), False),
        (CorrelationIdError(), False),
    ],
)
def test_a_fetch_may_hold_its_partition_for_a_named_cause_alone(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, error: Exception, holds: bool
) -> None:
    method = {"batches": "next_batch", "records": "__iter__"}[stage]
    owner = PatientRecords if stage == "batches" else PatientBatch
    monkeypatch.setattr(owner, method, failing(error))
    tally = Tally(tmp_path)
    meet(target, tally, Input(Door.FETCH, [], fetch([(STRUCTURED, golden_events()[0])], 0)))
    name = type(error).__name__
    assert tally.outcomes.get("FETCH", {}) == ({f"held {name} in its {stage}": 1} if holds else {})
    assert [kind.partition(":")[0] for kind in tally.failures] == ([] if holds else [name])


def test_each_stage_has_causes_of_its_own() -> None:
    error = UnsupportedCodecError()
    with pytest.raises(UnsupportedCodecError), taking_apart("batches"):
        raise error
    with pytest.raises(PartitionHeld, match="UnsupportedCodecError in its records"), taking_apart("records"):
        raise error


def test_the_same_seed_makes_the_same_inputs() -> None:
    def made(seed: int) -> list[Input]:
        draw = random.Random(seed)
        return [mutate(draw, draw.choice(seeds()), flip_bytes) for _ in range(200)]

    assert made(3) == made(3) != made(4)


def test_bytes_that_are_no_input_begin_again_with_a_seed() -> None:
    assert unpack(b"\xc1") is None
    assert unpack(pack(seeds()[0])) == seeds()[0]
    assert isinstance(mutate_packed(random.Random(1), b"\xc1", flip_bytes, seeds()), Input)


def failing(error: Exception) -> Callable[..., Any]:
    def raising(*_: object) -> Any:
        raise error

    return raising


@pytest.mark.parametrize("door", [Door.HTTP, Door.RECORD])
def test_an_unhandled_exception_is_kept_with_its_input(
    target: Target, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_checked", failing(KeyError("planted")))
    tally = Tally(tmp_path)
    made = Input(door, STRUCTURED, golden_events()[0])
    meet(target, tally, made)
    meet(target, tally, made)
    [failure] = tally.failures.values()
    assert (failure["times"], "planted" in failure["kind"]) == (2, True)
    assert unpack(Path(failure["input"]).read_bytes()) == made
    assert tally.count == 2


def test_a_code_that_is_not_documented_is_no_declared_outcome(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "SOURCE_NOT_ALLOWED", FieldError("/source", "SOURCE_ODD", "odd"))
    document = {**json.loads(golden_events()[0]), "source": "/nobody"}
    tally = Tally(tmp_path)
    meet(target, tally, Input(Door.RECORD, STRUCTURED, json.dumps(document).encode()))
    assert [kind.startswith("NotDeclared: rejected with {'SOURCE_ODD'}") for kind in tally.failures] == [True]


def test_the_documented_codes_are_read_from_the_page() -> None:
    codes = documented_codes()
    assert {"EVENT_INVALID", "NATIONAL_ID_MISSING", "GROUPS_INVALID", "ID_REUSED"} <= codes
    assert len(codes) > 50


def test_the_report_adds_up_and_shows_failures(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    made = seeds()[0]
    tally.add(Door.HTTP, Counter({"accepted": 2, "rejected EVENT_INVALID": 1}), 0.001)
    tally.add(Door.FETCH, Counter({"held EOFError in its records": 1}), 0.002)
    tally.fail(made, _raised(), 0.5)
    tally.write()
    kept = json.loads((tmp_path / "tally.json").read_text())
    report = {
        "seed": 7, "engine": "seeded", "seconds": 60.0, **kept, "commit": "abc",
        "machine": {"cores": 2, "memory_gib": 4, "system": "x"}, "versions": {"python": "3.11"},
    }  # fmt: skip
    data, page = write_report(report, tmp_path)
    text = page.read_text()
    assert json.loads(data.read_text())["inputs"] == 3
    assert "| POST /v1/events (structured, binary, batch) | 2 | 2 | 1 | 0 | 0 |" in text
    assert "rejected | requests refused | partitions held |" in text
    assert "snappy, lz4, zstd) | 1 | 0 | 0 | 0 | 1 |" in text
    assert "| held EOFError in its records | 1 |" in text
    assert "1 kinds of unhandled exception. The slowest input took 500.0 ms" in text
    assert "- KeyError: 'planted'" in text


def _raised() -> Exception:
    try:
        raise KeyError("planted")
    except KeyError as error:
        return error
