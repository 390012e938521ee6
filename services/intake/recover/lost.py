"""What the topic of facts holds beyond the log, in a few words each: read once before anything is written."""

from dataclasses import dataclass, field

from services.intake.recover.facts import PERSONAL, Subject, TopicFact, topic_fact
from shared.append.log import Head
from shared.contracts.facts import INTAKE_SOURCE, StudentErased, StudentRegistered, StudentWithdrawnFact
from shared.inbox.positions import Position
from shared.recover.continuation import Standing, continuation
from shared.recover.foreign import ForeignRecords
from shared.recover.reading import TopicReader

Thing = tuple[str, str, int | None]
"""What a later fact replaces: tenant, subject, and of a student the year."""


@dataclass(frozen=True, slots=True)
class LastFact:
    """The newest lost fact of a thing: its version, its time (RFC 3339), and the event that caused it."""

    version: int
    time: str
    key: bytes


@dataclass(slots=True)
class Span:
    """The lost facts of one partition: how many, their sequences, and the times of the first and the last."""

    facts: int
    first: int
    last: int
    begin: str
    end: str


@dataclass(slots=True)
class Lost:
    """The lost facts: by the event's idempotency key the time of acceptance, by thing the last one, and who is erased.

    `sealed` are the subjects of whom something sealed was lost: without their keys it cannot be read. `erasures` are
    those of the lost facts, by subject the time; `erased` everyone's, also whom the database knows.
    """

    facts: int = 0
    spans: dict[int, Span] = field(default_factory=dict)
    causes: dict[bytes, str] = field(default_factory=dict)
    last: dict[Thing, LastFact] = field(default_factory=dict)
    sealed: set[Subject] = field(default_factory=set)
    erased: set[Subject] = field(default_factory=set)
    erasures: dict[Subject, str] = field(default_factory=dict)

    def add(self, item: TopicFact) -> None:
        """One more, in the order of its partition."""
        self.facts += 1
        span = self.spans.get(item.partition)
        if span is None:
            self.spans[item.partition] = Span(1, item.sequence, item.sequence, item.time, item.time)
        else:
            span.facts, span.last, span.end = span.facts + 1, item.sequence, item.time
        fact, key = item.fact, bytes.fromhex(item.causation_id)
        if isinstance(fact, StudentErased):
            self.erased.add(item.owner)
            self.erasures[item.owner] = item.time
            return
        if type(fact) in PERSONAL:
            self.sealed.add(item.owner)
        self.causes.setdefault(key, item.time)
        thing = thing_of(item)
        before = self.last.get(thing)
        if before is None or before.version < fact.version:
            self.last[thing] = LastFact(fact.version, item.time, key)


def thing_of(item: TopicFact) -> Thing:
    """What a fact replaces."""
    fact = item.fact
    year = fact.year if isinstance(fact, StudentRegistered | StudentWithdrawnFact) else None
    return item.tenant, item.subject, year


async def read_lost(reader: TopicReader, topic: str, heads: dict[int, Head], foreign: ForeignRecords) -> Lost:
    """The lost facts of every partition. Raises `Fork`, `Gap` or `Unapplicable`, before anything was done.

    Records that are no events of the log are added to `foreign`.
    """
    lost = Lost()
    for partition, head in heads.items():
        standing = Standing(Position(head.sequence, head.hash))
        async for slice_ in continuation(reader, INTAKE_SOURCE, topic, partition, standing, foreign):
            for record in slice_.records:
                lost.add(topic_fact(partition, record.sequence, record.envelope))
            standing.position = slice_.reached
    return lost
