"""Asks for erasures, and tries all that intake keeps on what it once sealed."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import httpx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from services.intake.crypto.key_record import open_record
from services.intake.crypto.sealing import Keyring, unseal
from shared.contracts.envelope import decode
from tests.integration.intake.harness import Intake

ERASED = "rahnama.intake.student.erased.v1"
REGISTERED = "rahnama.intake.student.registered.v1"
Event = dict[str, Any]


async def ask(
    intake: Intake, student_id: str, role: str = "admin", tenant: str = "default"
) -> httpx.Response:
    """`POST /v1/students/{student_id}/erasure`, as an administrator."""
    headers = intake.issuer.headers(role, tenant)
    return await intake.client.post(f"/v1/students/{student_id}/erasure", headers=headers)


async def erase(intake: Intake, student_id: str) -> Event:
    """The answer to an erasure that is done."""
    answer = await ask(intake, student_id)
    assert answer.status_code == 202, answer.text
    done: Event = answer.json()
    return done


async def published(intake: Intake, done: Event) -> None:
    """Waits until Kafka has acknowledged the facts of an answer."""
    for place in done["facts"]:
        for _ in range(500):
            log = (await intake.get("/v1/positions")).json()["log"]
            if log[place["partition"]]["published"] >= place["sequence"]:
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError(f"never published: {place}")


def id_of(result: Event) -> str:
    """The pseudonym in an event's result."""
    return str(result["subject"]).removeprefix("student/")


async def facts_of(intake: Intake, student_id: str) -> list[Any]:
    """The student's events in the log, by version."""
    rows = await intake.rows(
        "select value from log where subject = $1 order by version", f"student/{student_id}"
    )
    return [decode(row["value"]) for row in rows]


def data_of(event: Any) -> Event:
    """The content of an event."""
    data: Event = json.loads(bytes(event.data))
    return data


def compacted(records: Iterable[Any]) -> dict[tuple[int, bytes], bytes | None]:
    """What compaction leaves of a topic: of each key in each partition the last value; None is a tombstone."""
    return {(record.partition, record.key): record.value for record in records}


async def every_wrapped_key(intake: Intake) -> list[bytes]:
    """All that the tables keep, and all that `rahnama.keys` keeps after its compaction."""
    columns = await intake.rows(
        "select table_name from information_schema.columns"
        " where column_name = 'wrapped_key' and table_schema = 'public'"
    )
    found = []
    for [table] in columns:
        rows = await intake.rows(f"select wrapped_key from {table} where wrapped_key is not null")
        found += [row["wrapped_key"] for row in rows]
    for (_, index), value in compacted(await intake.read_topic("rahnama.keys", 1)).items():
        if value is not None:
            found.append(open_record(intake.keyring, index, value).wrapped_key)
    return found


def opens(keyring: Keyring, wrapped: Iterable[bytes], envelope: str, subject: str, kind: str) -> bool:
    """Whether any of the keys opens the envelope."""
    for key in wrapped:
        try:
            unseal(keyring.unwrap(key), envelope, tenant="default", subject=subject, kind=kind)
        except (InvalidTag, InvalidUnwrap):
            continue
        return True
    return False
