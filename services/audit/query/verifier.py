"""A verification: every chain and root computed again, from the ledger and from the topics, and compared.

Then the services that own the logs are asked: each row of a log is compared with the ledger, each row of a read model
with a replay of the log.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final, NamedTuple

import structlog

from services.audit.decide.chains import LedgerRow, LedgerWalk, TopicWalk, read_topic, walk_ledger, walk_topic
from services.audit.decide.coverage import uncovered
from services.audit.decide.findings import Difference, Report, ServiceFinding, TreeFinding
from services.audit.decide.heads import TreeHead, diagnose
from services.audit.query.metrics import VerificationMetrics
from services.audit.query.producers import Producers
from services.audit.query.service_check import check_service
from services.audit.query.topics import TopicReader, open_topics, partitions_of
from shared.contracts.envelope import rfc3339
from shared.kafka.clients import KafkaClients
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("services.audit.query")

_log = structlog.get_logger("rahnama.audit")


class Bounds(NamedTuple):
    """How much a verification holds in memory, and how long it waits for a silent topic."""

    batch_records: int
    idle_seconds: float


class Verifier:
    """Walks over the whole history in bounded memory: what was applied when the verification began.

    `topics` are the sources with their topics' names; `producers` the services that own them, as far as configured.
    """

    def __init__(
        self,
        pool: Pool,
        kafka: KafkaClients,
        topics: Mapping[str, str],
        partitions: int,
        bounds: Bounds,
        producers: Producers | None = None,
    ) -> None:
        self._pool = pool
        self._kafka = kafka
        self._topics = topics
        self._partitions = partitions
        self._bounds = bounds
        self._producers = producers or Producers({}, 0)
        self._metrics = VerificationMetrics()

    async def start(self) -> None:
        """Begins to be measured."""
        self._metrics.start()

    async def stop(self) -> None:
        """Ends being measured."""
        self._metrics.stop()
        await self._producers.stop()

    async def verify(self, sources: Sequence[str], authorization: str = "") -> Report:
        """`authorization` is the caller's own, with which the services that own the logs are asked.

        Raises `TopicUnreadable` when Kafka does not answer, and `ProducerUnreachable`.
        """
        try:
            report = await self._verify(sorted(set(sources)), authorization)
        except BaseException:
            self._metrics.failed()
            raise
        else:
            self._metrics.ended(report.verified)
            _log.info(
                "verification_ended",
                verified=report.verified,
                records=report.records,
                seconds=report.seconds,
            )
            return report

    async def _verify(self, sources: Sequence[str], authorization: str) -> Report:
        started_at, began = rfc3339(datetime.now(UTC)), asyncio.get_running_loop().time()
        rows = await self._pool.fetch(QUERIES["heads"], sources, self._partitions)
        heads = [TreeHead(*row) for row in rows]
        there = await self._partitions_of(sources)
        first = await self._uncovered({source: len(found) for source, found in there.items()})
        first = first or await self._misplaced()
        async with open_topics(self._kafka, **self._bounds._asdict()) as reader:
            ends = {source: await reader.ends(self._topics[source], there[source]) for source in sources}
            findings: list[TreeFinding] = []
            known: dict[tuple[str, int], Difference] = {}
            for head in heads:
                end = ends[head.source].get(head.partition, 0)
                finding, difference = await self._tree(reader, head, end)
                findings.append(finding)
                first = first or difference
                if difference is not None:
                    known[head.source, head.partition] = difference
        services = await self._services(sources, heads, authorization, known)
        return Report(
            verified=first is None and not any(service.differences for service in services),
            records=sum(head.size for head in heads),
            started_at=started_at,
            seconds=round(asyncio.get_running_loop().time() - began, 3),
            trees=findings,
            first_difference=first,
            services=services,
        )

    async def _services(
        self,
        sources: Sequence[str],
        heads: Sequence[TreeHead],
        authorization: str,
        known: Mapping[tuple[str, int], Difference],
    ) -> list[ServiceFinding]:
        """One after the other, so that one replay at a time is run."""
        findings = []
        for source in sources:
            if source in self._producers:
                own = [head for head in heads if head.source == source]
                finding = await check_service(self._pool, self._producers, source, own, authorization, known)
                findings.append(finding)
        return findings

    async def _partitions_of(self, sources: Sequence[str]) -> dict[str, set[int]]:
        found = await partitions_of(
            self._kafka, self._topics.values(), idle_seconds=self._bounds.idle_seconds
        )
        return {source: found[self._topics[source]] for source in sources}

    async def _misplaced(self) -> Difference | None:
        """Also of a log that was not asked for: an empty partition has nothing else by which it would be missed."""
        rows = await self._pool.fetch(QUERIES["misplaced"], list(self._topics), self._partitions)
        for row in rows:
            what = "is missing" if row["is_missing"] else "is of no log or partition that is configured"
            message = f"the stored {row['kind']} {what}"
            return Difference(row["source"], row["partition"], 1, "tree", None, None, message)
        return None

    async def _uncovered(self, in_topics: Mapping[str, int]) -> Difference | None:
        installed = await self._pool.fetchval(QUERIES["installed_partitions"])
        rows = await self._pool.fetch(QUERIES["strangers"])
        strangers = [
            (source, partition, sequence)
            for source, partition, sequence in rows
            if source not in self._topics or partition >= self._partitions
        ]  # the others are walked, and their trees found missing
        return uncovered(self._partitions, installed, in_topics, strangers)

    async def _tree(
        self, reader: TopicReader, head: TreeHead, end: int
    ) -> tuple[TreeFinding, Difference | None]:
        """Both walks side by side: while one computes, the other waits for its next batch."""
        ledger = asyncio.create_task(self._walk_ledger(head))
        try:
            topic, ahead = await self._walk_topic(reader, head, end)
            return diagnose(head, await ledger, topic, ahead)
        finally:
            ledger.cancel()

    async def _walk_ledger(self, head: TreeHead) -> LedgerWalk:
        walk = LedgerWalk(head.chain)
        while walk.fault is None and walk.chain.size < head.sequence:
            rows = await self._pool.fetch(
                QUERIES["walk"],
                head.source,
                head.partition,
                walk.chain.size,
                head.sequence,
                self._bounds.batch_records,
            )
            if not rows:
                break
            walk = walk_ledger(walk.chain, [LedgerRow(*row) for row in rows])
        return walk

    async def _walk_topic(self, reader: TopicReader, head: TreeHead, end: int) -> tuple[TopicWalk, int]:
        """Returns also how many events the topic holds beyond what was applied."""
        walk, newest = TopicWalk(head.chain), head.sequence
        async with aclosing(reader.batches(self._topics[head.source], head.partition, end)) as batches:
            async for values in batches:
                records = read_topic(values)
                newest = max(newest, *(record.sequence for record in records))
                asked = [record.sequence for record in records if record.sequence <= head.sequence]
                rows = await self._pool.fetch(QUERIES["hashes"], head.source, head.partition, asked)
                walk = walk_topic(walk, records, {row[0]: row[1] for row in rows}, head.sequence)
                if walk.fault is not None:
                    break
        return walk, newest - head.sequence
