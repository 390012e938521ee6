"""What must stand on `rahnama.keys`: a record for every subject that has a key, and none for whoever was erased."""

import hmac
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Subject = tuple[str, str]
"""Tenant and subject."""


def keys_topic_misses(
    master_key: bytes, records: Iterable[Any], keyed: Iterable[Subject], erased: Iterable[Subject]
) -> str | None:
    """What is wrong with the topic's `records`, in their order; None if nothing is.

    The last record of a key in a partition counts, as after compaction.
    """
    latest = {(record.partition, record.key): record.value for record in records}
    live = {key for (_, key), value in latest.items() if value is not None}
    index = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"rahnama keys topic index").derive(
        master_key
    )

    def key_of(subject: Subject) -> bytes:
        return hmac.digest(index, "\0".join(subject).encode(), "sha256")[:16].hex().encode()

    wanted = {key_of(subject): subject for subject in keyed}
    gone = {key_of(subject): subject for subject in erased}
    if missing := wanted.keys() - live:
        return f"rahnama.keys has no record of {len(missing)} subjects, for example {wanted[min(missing)]}"
    if kept := gone.keys() & live:
        return f"rahnama.keys has a record of {len(kept)} who were erased, for example {gone[min(kept)]}"
    if strange := live - wanted.keys():
        return f"rahnama.keys has {len(strange)} records of nobody"
    return None
