"""A producing service's own database, as far as a verification reaches it: log against ledger, and the read models."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.audit.decide.findings import Difference, RowFinding, ServiceFinding, Verdict
from services.audit.decide.heads import TreeHead
from services.audit.query.producers import Producers, ProducerUnreachable
from shared.postgres import Pool, named_queries
from shared.verification.findings import MOST_DIFFERENCES, TOPIC, LogPage, RowDifference
from shared.verification.log_pages import traceparent_digest

QUERIES: Final = named_queries("services.audit.query")

Kept = Mapping[int, tuple[str, str | None]]
"""By sequence what the ledger holds: the hash (hex), and the traceparent."""


async def check_service(
    pool: Pool,
    producers: Producers,
    source: str,
    heads: Sequence[TreeHead],
    authorization: str,
    known: Mapping[tuple[str, int], Difference],
) -> ServiceFinding:
    """Compares every row of the log with the ledger, and asks for a replay of the read models.

    `known` are the differences that audit has found by itself: what the ledger is to blame for, the log is not.
    Raises `ProducerUnreachable`.
    """
    in_log: list[RowFinding] = []
    events = 0
    for head in heads:
        found, compared = await _check_log(
            pool, producers, head, authorization, known.get((source, head.partition))
        )
        events += compared
        if found is not None:
            in_log.append(found)
    try:
        report = await producers.read_models(source, authorization)
    except ProducerUnreachable:
        if not in_log:
            raise
        # What was found in the log is reported even if the service reaches no verdict on the rest.
        return ServiceFinding(source, "differs", "unknown", events, {}, in_log[:MOST_DIFFERENCES])
    in_models = [_finding(source, one) for one in report.differences]
    log_is_named = bool(in_log) or any(one.table in LOG_TABLES for one in in_models)
    return ServiceFinding(
        source,
        "differs" if log_is_named else "ok",
        _models_verdict(in_models, report.complete),
        events,
        report.rows,
        [*in_log, *in_models][:MOST_DIFFERENCES],
    )


LOG_TABLES: Final = frozenset({"log", "log_head", "log_published"})


def _models_verdict(found: Sequence[RowFinding], complete: bool) -> Verdict:
    if any(one.table not in LOG_TABLES and one.table != TOPIC for one in found):
        return "differs"
    return "ok" if complete else "unknown"


async def _check_log(
    pool: Pool, producers: Producers, head: TreeHead, authorization: str, known: Difference | None
) -> tuple[RowFinding | None, int]:
    """The first row of one partition that differs, and how many were compared; a page at a time."""
    after = 0
    while True:
        page = await producers.page(head.source, head.partition, after, authorization)
        rows = await pool.fetch(QUERIES["kept"], head.source, head.partition, after, after + len(page.hashes))
        kept = {row["sequence"]: (row["hash"].hex(), row["traceparent"]) for row in rows}
        found = first_difference(page, kept, known)
        after += len(page.hashes)
        if found is not None:
            return _finding(head.source, found), after
        if not page.hashes or after >= page.head:
            break
    if after < head.sequence:
        message = "the log ends before this event, which the ledger holds"
        return _finding(head.source, _row(head.partition, after + 1, (), message)), after
    return None, after


def first_difference(page: LogPage, kept: Kept, known: Difference | None) -> RowDifference | None:
    """The first row of a page that is not what the ledger holds, or not what the log itself must be.

    At a sequence at which the ledger is known to be wrong, or has no row, the two are not compared.
    """
    wrong = known.sequence if known is not None and known.where == "ledger" else None
    of_service = page.difference
    at = int(of_service.key["sequence"]) if of_service is not None else None
    for sequence, (digest, traceparent) in enumerate(
        zip(page.hashes, page.traceparents, strict=True), page.after + 1
    ):
        if sequence == at:
            return of_service
        if sequence == wrong or sequence not in kept:
            continue
        if digest != kept[sequence][0]:
            message = "the log holds another event than the ledger"
            return _row(page.partition, sequence, ("value",), message)
        if traceparent != traceparent_digest(kept[sequence][1]):
            message = "log and ledger hold different traceparents; neither is part of the event"
            return _row(page.partition, sequence, ("traceparent",), message)
    return of_service


def _row(partition: int, sequence: int, columns: tuple[str, ...], message: str) -> RowDifference:
    return RowDifference("log", {"partition": str(partition), "sequence": str(sequence)}, columns, message)


def _finding(source: str, one: RowDifference) -> RowFinding:
    return RowFinding(source, one.table, one.key, one.columns, one.message)
