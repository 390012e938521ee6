"""Digests: what is equal under them and what is not."""

import hashlib
import hmac
import json

from msgspec import structs

from services.intake.crypto.digests import causation_id, content_bytes, content_digest, fingerprint
from services.intake.crypto.sealing import Mac
from services.intake.decide.events import InboundEvent, open_event
from tests.unit.intake.examples import KEY, MAC, event, student


def opened(data: str, kind: str = "t") -> InboundEvent:
    found = open_event(
        f'{{"specversion":"1.0","id":"1","source":"s","type":"{kind}","data":{data}}}'.encode()
    )
    assert isinstance(found, InboundEvent)
    return found


def test_the_causation_id_is_the_start_of_the_hmac_of_source_and_id() -> None:
    whole = hmac.new(KEY, b"/upstream/demo\x00student-1", hashlib.sha256).hexdigest()
    assert causation_id(MAC, "/upstream/demo", "student-1") == whole[:32]
    assert causation_id(MAC, "a", "bc") != causation_id(MAC, "ab", "c")


def test_the_order_of_keys_and_white_space_do_not_change_the_content() -> None:
    first, second = (
        opened('{"a": 1, "b": {"c": [1, 2], "d": null}}'),
        opened('{"b":{"d":null,"c":[1,2]},"a":1}'),
    )
    assert content_bytes(first) == content_bytes(second) == b'["t",{"a":1,"b":{"c":[1,2],"d":null}}]'
    assert content_digest(MAC, first) == content_digest(MAC, second)


def test_values_count_as_they_were_sent() -> None:
    contents = [
        '{"a":1}',
        '{"a":"1"}',
        '{"a":1.0}',
        '{"a":true}',
        '{"a":null}',
        '{"a":"ي"}',
        '{"a":"ی"}',
        "{}",
        '{"a":[1]}',
    ]
    assert len({content_digest(MAC, opened(content)) for content in contents}) == len(contents)
    assert content_digest(MAC, opened("{}", "t")) != content_digest(MAC, opened("{}", "u"))
    assert content_digest(MAC, opened("{}")) != content_digest(Mac(b"another key"), opened("{}"))


def test_the_envelope_is_no_content_and_absent_data_has_a_digest() -> None:
    assert content_digest(MAC, structs.replace(event("student"), id="2", occurred_at=None)) == content_digest(
        MAC, event("student")
    )
    bare = open_event(b'{"specversion":"1.0","id":"1","source":"s","type":"t"}')
    assert isinstance(bare, InboundEvent)
    assert content_digest(MAC, bare) != content_digest(MAC, opened("null"))


def test_a_fingerprint_is_equal_when_all_normalised_personal_fields_are() -> None:
    here = student().personal
    assert fingerprint(MAC, here) == fingerprint(
        MAC, student(birth_date="2006-07-03", mobile="+989121234567").personal
    )
    for name in here.__struct_fields__:
        assert fingerprint(MAC, structs.replace(here, **{name: "x"})) != fingerprint(MAC, here)
    assert len(fingerprint(MAC, here)) == len(content_digest(MAC, event("student"))) == 16


def test_big_numbers_have_a_digest() -> None:
    assert content_bytes(opened(json.dumps({"a": 10**300}))) == b'["t",{"a":1' + b"0" * 300 + b"}]"
