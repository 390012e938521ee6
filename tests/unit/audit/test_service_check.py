"""What was found in a service's log is reported, even if the service reaches no verdict on its read models."""

from typing import Any, cast

from services.audit.decide.findings import ServiceFinding
from services.audit.decide.heads import TreeHead
from services.audit.query.producers import Producers, ProducerUnreachable
from services.audit.query.service_check import check_service
from shared.postgres import Pool
from shared.verification.findings import LogPage, RowDifference

HEAD = TreeHead("allocation", 3, 0, bytes(32), 0, b"", 0)
WRONG = RowDifference("log", {"partition": "3", "sequence": "1"}, ("value",), "…")


class EmptyLedger:
    async def fetch(self, *_: object) -> list[Any]:
        return []


class Unreachable:
    """Answers pages of its log with `difference`, and no replay."""

    def __init__(self, difference: RowDifference | None) -> None:
        self._difference = difference

    async def page(self, *_: object) -> LogPage:
        return LogPage(3, 0, 0, (), (), self._difference)

    async def read_models(self, *_: object) -> None:
        raise ProducerUnreachable("allocation answered with 500")


async def outcome(difference: RowDifference | None) -> ServiceFinding | ProducerUnreachable:
    producers = cast(Producers, Unreachable(difference))
    try:
        return await check_service(cast(Pool, EmptyLedger()), producers, "allocation", [HEAD], "Bearer …", {})
    except ProducerUnreachable as error:
        return error


async def test_a_difference_in_the_log_is_reported_without_the_replay() -> None:
    found = await outcome(WRONG)
    assert isinstance(found, ServiceFinding)
    assert (found.log, found.read_models, found.rows) == ("differs", "unknown", {})
    assert [one.key for one in found.differences] == [WRONG.key]


async def test_without_a_difference_there_is_no_verdict() -> None:
    assert isinstance(await outcome(None), ProducerUnreachable)
