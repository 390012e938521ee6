"""Keys and envelopes: they open for the right owner only."""

import uuid
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_, or_

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from services.intake.crypto.key_record import FreshKeys, SubjectKey, open_record, seal_record
from services.intake.crypto.sealing import Keyring, new_data_key, seal, unseal, uuid7

OWNER = {"tenant": "default", "subject": "student/1", "kind": "rahnama.intake.student.registered.v1"}


def test_an_envelope_opens_with_its_key_and_its_owner_alone() -> None:
    key = new_data_key()
    sealed = seal(key, "زهرا".encode(), **OWNER)
    assert sealed.startswith("v1.")
    assert sealed.isascii()
    assert "=" not in sealed
    assert unseal(key, sealed, **OWNER).decode() == "زهرا"
    assert seal(key, "زهرا".encode(), **OWNER) != sealed
    for name in OWNER:
        with pytest.raises(InvalidTag):
            unseal(key, sealed, **{**OWNER, name: "another"})
    with pytest.raises(InvalidTag):
        unseal(new_data_key(), sealed, **OWNER)
    with pytest.raises(ValueError, match="version"):
        unseal(key, "v2" + sealed[2:], **OWNER)


def test_a_wrapped_key_is_unwrapped_by_the_same_master_alone() -> None:
    key, ring = new_data_key(), Keyring(bytes(32))
    wrapped = ring.wrap(key)
    assert len(wrapped) == 40
    assert Keyring(bytes(32)).unwrap(wrapped) == key
    with pytest.raises(InvalidUnwrap):
        Keyring(b"x" * 32).unwrap(wrapped)


def test_a_look_up_is_the_same_within_a_tenant_and_another_elsewhere() -> None:
    ring = Keyring(bytes(32))
    assert ring.tenant("a").lookup("0012345679") == Keyring(bytes(32)).tenant("a").lookup("0012345679")
    assert ring.tenant("a").lookup("0012345679") != ring.tenant("b").lookup("0012345679")
    assert ring.tenant("a").lookup("0012345679") != Keyring(b"x" * 32).tenant("a").lookup("0012345679")


def test_a_master_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(b"short")


def test_a_key_record_names_nobody_and_opens_again() -> None:
    ring = Keyring(bytes(32))
    key = SubjectKey("default", "student/1", b"l" * 32, ring.wrap(new_data_key()))
    index, value = seal_record(ring, key)
    assert b"student" not in index + value
    assert seal_record(ring, key)[0] == index
    assert open_record(ring, index, value) == key
    with pytest.raises(InvalidTag):
        open_record(ring, seal_record(ring, key._replace(subject="student/2"))[0], value)


def test_a_pseudonym_is_a_uuid_of_version_7_in_the_order_of_time() -> None:
    now = datetime(2026, 3, 21, 8, 30, tzinfo=UTC)
    first = uuid.UUID(uuid7(now))
    second = uuid.UUID(uuid7(now + timedelta(milliseconds=1)))
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert str(first) < str(second)
    assert first.int >> 80 == now.timestamp() * 1000


def test_of_a_pseudonym_all_but_time_version_and_variant_is_chance() -> None:
    now = datetime(2026, 3, 21, 8, 30, tzinfo=UTC)
    values = [uuid.UUID(uuid7(now)).int for _ in range(200)]
    always = reduce(and_, values)
    ever = reduce(or_, values)
    assert {bit for bit in range(80) if (always ^ ever) >> bit & 1 == 0} == {62, 63, 76, 77, 78, 79}
    assert len(set(values)) == len(values)


def test_fresh_keys_are_given_once_and_bounded() -> None:
    fresh = FreshKeys(most=2)
    keys = [SubjectKey("t", f"student/{number}", None, b"") for number in range(3)]
    fresh.keep(keys)
    assert fresh.take("t", "student/0") is None
    assert fresh.take("t", "student/2") == keys[2]
    assert fresh.take("t", "student/2") is None
