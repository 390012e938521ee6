"""Events are written and read byte for byte as the golden files have them."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from services.intake.decide.messages import INBOUND_TYPES
from shared.contracts.decisions import DECISION_TYPES
from shared.contracts.envelope import decode, encode, leaf_hash
from shared.contracts.facts import FACT_TYPES, decode_fact
from tests.contract.examples import DECISIONS, FACTS, decision_envelope, fact_envelope
from tests.contract.inbound_examples import command_bytes
from tests.contract.snapshots import GOLDEN, LOG_TYPES, made

ATTRIBUTES = [
    "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "tenant", "sequence", "previous",
    "causationid", "data",
]  # fmt: skip
LOG_FILES = sorted((GOLDEN / "log").glob("*.json"))
INBOUND_FILES = sorted(path for path in (GOLDEN / "inbound").glob("*.json") if ".command." not in path.name)


def type_of(path: Path) -> str:
    return path.name.removesuffix(".json")


@pytest.mark.parametrize("name", sorted(made()))
def test_this_code_makes_exactly_the_golden_file(name: str) -> None:
    assert (GOLDEN / name).read_bytes() == made()[name], (
        "a change of the contract: see tests/contract/remake.py"
    )


def test_every_type_has_its_golden_file_and_every_golden_file_its_type() -> None:
    assert {type_of(path) for path in LOG_FILES} == set(LOG_TYPES) == set(FACTS) | set(DECISIONS)
    assert {type_of(path) for path in INBOUND_FILES} == INBOUND_TYPES


@pytest.mark.parametrize("path", LOG_FILES, ids=type_of)
def test_golden_bytes_are_read_and_written_again_as_they_were(path: Path) -> None:
    value = path.read_bytes()
    envelope = decode(value)
    assert envelope.type == type_of(path)
    assert encode(envelope) == value
    data = msgspec.json.decode(envelope.data, type=LOG_TYPES[envelope.type])
    assert msgspec.json.encode(data) == bytes(envelope.data)
    if envelope.type in FACT_TYPES:
        assert decode_fact(envelope.type, envelope.data) == FACTS[envelope.type][2] == data
        assert envelope == fact_envelope(envelope.type)
    else:
        assert data == DECISIONS[envelope.type]
        assert envelope == decision_envelope(envelope.type)


@pytest.mark.parametrize("path", LOG_FILES, ids=type_of)
def test_the_hash_is_what_the_shell_computes(path: Path) -> None:
    value, golden = path.read_bytes(), path.with_suffix(".hash").read_text()
    assert leaf_hash(value).hex() == hashlib.sha256(b"\0" + value).hexdigest() == golden
    command = ["bash", "-c", r"""(printf '\0'; cat "$1") | sha256sum""", "hash", str(path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0] == golden


@pytest.mark.parametrize("path", LOG_FILES, ids=type_of)
def test_an_event_is_a_cloudevent_with_its_attributes_in_order(path: Path) -> None:
    document = json.loads(path.read_bytes())
    assert list(document) == ATTRIBUTES
    assert document["specversion"] == "1.0"
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in document)
    assert re.fullmatch(r"(intake|allocation)-\d{2}-\d{16}", document["id"])
    assert document["id"].endswith(document["sequence"])
    assert document["source"] == f"/rahnama/{document['id'].split('-')[0]}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", document["time"])
    assert re.fullmatch("[0-9a-f]{64}", document["previous"])
    assert decode(path.read_bytes()).partition == int(document["id"].split("-")[1])


@pytest.mark.parametrize("path", INBOUND_FILES, ids=type_of)
def test_an_inbound_event_asks_for_what_it_always_asked_for(path: Path) -> None:
    assert command_bytes(path.read_bytes()) == path.with_suffix(".command.json").read_bytes()


def test_only_facts_that_are_known_are_read() -> None:
    with pytest.raises(KeyError):
        decode_fact("rahnama.intake.student.registered.v9", b"{}")
    with pytest.raises(msgspec.DecodeError):
        decode_fact("rahnama.intake.school-roster.published.v1", b'{"version":1}')


def test_facts_and_decisions_name_their_source() -> None:
    assert all(name.startswith("rahnama.intake.") for name in FACT_TYPES)
    assert all(name.startswith("rahnama.allocation.") for name in DECISION_TYPES)
