"""Whether everything that should be verified is there to be verified."""

from collections.abc import Mapping, Sequence

from services.audit.decide.findings import Difference


def uncovered(
    partitions: int, installed: int, in_topics: Mapping[str, int], strangers: Sequence[tuple[str, int, int]]
) -> Difference | None:
    """The first thing that a walk over `partitions` partitions of each source would pass over.

    `installed` is the count that the database was created with, `in_topics` the partitions of each source's
    topic; `strangers` are the (source, partition, first sequence) of ledger rows that belong to no tree.
    """
    if installed != partitions:
        source = min(in_topics)
        message = "the database was created with another number of partitions"
        return Difference(
            source, min(installed, partitions), 1, "ledger", str(partitions), str(installed), message
        )
    for source, count in sorted(in_topics.items()):
        if count != partitions:
            message = "the topic has another number of partitions"
            return Difference(
                source, min(count, partitions), 1, "topic", str(partitions), str(count), message
            )
    for source, partition, sequence in strangers:
        message = "the ledger holds a record of a partition that has no tree"
        return Difference(source, partition, sequence, "ledger", None, None, message)
    return None
