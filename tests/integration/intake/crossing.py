"""Events that change others, and what the log says of them."""

from typing import Any

import msgspec

from services.intake.crypto.sealing import unseal
from shared.contracts.envelope import decode
from tests.integration.intake.harness import Event, Intake, event, student

TIME = "2025-09-23T05:00:00.000000Z"


async def facts_of(intake: Intake, result: dict[str, Any]) -> list[dict[str, Any]]:
    """The facts under an answer's cause: of each partition in order, lowest partition first."""
    rows = await intake.rows(
        "select value from log where causation_id = $1 order by partition, sequence", result["causation_id"]
    )
    events = [msgspec.json.decode(row["value"]) for row in rows]
    return [{**item["data"], "subject": item["subject"], "kind": item["type"]} for item in events]


def manager(number: int, event_id: str, centers: list[int], **data: Any) -> Event:
    """A manager's event with a time."""
    told = {"manager_id": number, "is_active": True, "centers": centers, **data}
    return event("manager.registered", event_id, told, time=TIME)


def roster(event_id: str, year: int, codes: list[int]) -> Event:
    """A roster's event with a time."""
    return event("school-roster.published", event_id, {"year": year, "school_codes": codes}, time=TIME)


def withdrawal(number: int, event_id: str, year: int) -> Event:
    """The end of one year of `student(number)`."""
    data = {
        "year": year,
        "national_id": student(number)["data"]["national_id"],
        "reason": "CANARY of a reason",
    }
    return event("student.withdrawn", event_id, data, time=TIME)


async def opened(intake: Intake, subject: str, version: int) -> dict[str, Any]:
    """The personal data under the seal of one fact."""
    [row] = await intake.rows(
        "select value, type, wrapped_key from log join subject_keys using (tenant, subject)"
        " where tenant = 'default' and subject = $1 and version = $2",
        subject,
        version,
    )
    sealed = msgspec.json.decode(decode(row["value"]).data)["sealed"]
    key = intake.keyring.unwrap(row["wrapped_key"])
    content = unseal(key, sealed, tenant="default", subject=subject, kind=row["type"])
    found: dict[str, Any] = msgspec.json.decode(content)
    return found
