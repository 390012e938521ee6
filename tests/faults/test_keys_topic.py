"""What is missing on `rahnama.keys`, or stands there and should not, is found."""

import hmac
from types import SimpleNamespace
from typing import Final

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.faults.keys_topic import keys_topic_misses

MASTER: Final = bytes(range(32))
ANNA, BEHZAD = ("default", "student/1"), ("default", "student/2")


def record(subject: tuple[str, str], value: bytes | None, partition: int = 2) -> SimpleNamespace:
    """As Kafka gives it."""
    index = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"rahnama keys topic index").derive(MASTER)
    key = hmac.digest(index, "\0".join(subject).encode(), "sha256")[:16].hex().encode()
    return SimpleNamespace(partition=partition, key=key, value=value)


def test_a_record_of_everyone_who_has_a_key_and_a_tombstone_of_who_is_erased_are_all() -> None:
    records = [record(ANNA, b"1"), record(BEHZAD, b"2"), record(BEHZAD, None), record(ANNA, b"1")]
    assert keys_topic_misses(MASTER, records, [ANNA], [BEHZAD]) is None


@pytest.mark.parametrize(
    ("records", "finding"),
    [
        ([record(ANNA, b"1")], "no record of 1 subjects"),
        ([record(ANNA, b"1"), record(BEHZAD, b"2"), record(ANNA, None)], "no record of 1 subjects"),
    ],
)
def test_a_missing_record_is_found(records: list[SimpleNamespace], finding: str) -> None:
    assert finding in str(keys_topic_misses(MASTER, records, [ANNA, BEHZAD], []))


def test_a_record_that_outlives_an_erasure_in_one_of_two_pools_is_found() -> None:
    records = [record(ANNA, b"1", 2), record(ANNA, b"1", 3), record(ANNA, None, 2)]
    assert "who were erased" in str(keys_topic_misses(MASTER, records, [], [ANNA]))


def test_a_record_of_nobody_is_found() -> None:
    assert "of nobody" in str(keys_topic_misses(MASTER, [record(ANNA, b"1")], [], []))
