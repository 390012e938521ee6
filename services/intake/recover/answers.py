"""Answers of events whose facts came back: a repeated event must be a duplicate again."""

from collections.abc import Mapping, Sequence

from services.intake.append.idempotency import (
    UNKNOWN_CONTENT,
    Answer,
    Place,
    encoder,
    load_answers,
    store_answers,
)
from services.intake.recover.facts import QUERIES, TopicFact
from shared.contracts.facts import StudentErased
from shared.postgres import Connection
from shared.project.columns import columns


async def answer_facts(
    connection: Connection, facts: Sequence[TopicFact], digests: Mapping[bytes, bytes]
) -> None:
    """Adds the facts to the answers of their events. `digests` are those of the events whose content is known.

    Facts about others than the event's own subject are listed as partitions come, which may not be the order in
    which they were appended.
    """
    caused: dict[bytes, list[TopicFact]] = {}
    for item in facts:
        if not isinstance(item.fact, StudentErased):  # an operator's doing: no event of upstream
            caused.setdefault(bytes.fromhex(item.causation_id), []).append(item)
    known = await load_answers(connection, caused)
    fresh = []
    for key, items in caused.items():
        answer = known.get(key)
        if answer is None:
            answer = Answer(key, digests.get(key, UNKNOWN_CONTENT), "accepted", items[0].subject)
            fresh.append(answer)
        elif answer.reissued:  # whoever reissues others has one fact of its own, and that is listed first
            answer.places, answer.others = answer.places[:1], answer.places[1:]
        for item in items:
            place = Place(item.partition, item.sequence)
            if item.subject == answer.subject:
                answer.places.append(place)
            else:
                answer.add_other(place)
    await store_answers(connection, fresh)
    if known:
        changed = [
            (answer.key, encoder.encode(answer.facts()).decode(), answer.reissued or None)
            for answer in known.values()
        ]
        await connection.execute(QUERIES["change_answers"], *columns(changed))
