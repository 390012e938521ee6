"""What the audit service says about each (source, partition), and whether the walks over it agree."""

from typing import NamedTuple

from services.audit.decide.chains import Chain, LedgerWalk, TopicWalk, Unlike
from services.audit.decide.findings import Difference, TreeFinding, first_of
from services.audit.decide.trees import CompactRange, root, unpack


class TreeHead(NamedTuple):
    """The stored end of one (source, partition): the inbox's position, the tree, the ledger's last sequence."""

    source: str
    partition: int
    sequence: int
    hash: bytes
    size: int
    edge: bytes
    newest: int

    @property
    def chain(self) -> Chain:
        """Where the walks over it begin."""
        return Chain(self.source, self.partition)


def diagnose(
    head: TreeHead, ledger: LedgerWalk, topic: TopicWalk, ahead: int
) -> tuple[TreeFinding, Difference | None]:
    """Compares the two walks with what is stored, and names the first record that differs."""
    # A position beyond both the ledger and its tree is wrong by itself: `_tree` names it.
    overstated = ledger.fault is None and ledger.chain.size == head.size < head.sequence
    in_ledger = ledger.fault or (None if overstated else _ledger_end(head, ledger.chain))
    in_topic = topic.fault or (None if overstated else _topic_end(head, topic.chain))
    complete = ledger.chain if in_ledger is None else topic.chain if in_topic is None else None
    if topic.unlike is not None:
        told = _unlike(head, topic.unlike, topic_is_right=in_topic is None and _fits(head, topic.chain))
        if told.where == "ledger":
            in_ledger, complete = first_of([in_ledger, told]), topic.chain
        else:
            in_topic = first_of([in_topic, told])
    in_tree = _tree(head, complete)
    finding = TreeFinding(
        head.source,
        head.partition,
        head.size,
        _stored_root(head),
        "differs" if in_ledger else "ok",
        "differs" if in_topic else "ok",
        "differs" if in_tree else "ok" if complete else "unknown",
        ahead,
    )
    return finding, first_of([in_ledger, in_topic, in_tree])


def _unlike(head: TreeHead, unlike: Unlike, *, topic_is_right: bool) -> Difference:
    """Ledger and topic disagree: the one whose own chain ends at the stored root is right."""
    if topic_is_right:
        message = "the ledger holds another record than the topic, and the stored root is the topic's"
        return head.chain.differs("ledger", unlike.sequence, message, unlike.topic.hex(), unlike.ledger.hex())
    message = "the topic holds another record than the ledger"
    return head.chain.differs("topic", unlike.sequence, message, unlike.ledger.hex(), unlike.topic.hex())


def _fits(head: TreeHead, chain: Chain) -> bool:
    return chain.size == head.size and chain.compact_range == _compact_range(head)


def _ledger_end(head: TreeHead, chain: Chain) -> Difference | None:
    if chain.size < head.sequence:
        message = "the ledger ends before this record"
        return chain.differs("ledger", chain.size + 1, message, str(head.sequence), str(chain.size))
    if head.newest > head.sequence:
        message = "the ledger holds a record that was never applied"
        return chain.differs("ledger", head.sequence + 1, message, str(head.sequence), str(head.newest))
    return None


def _topic_end(head: TreeHead, chain: Chain) -> Difference | None:
    if chain.size < head.sequence:
        message = "the topic ends before this record"
        return chain.differs("topic", chain.size + 1, message, str(head.sequence), str(chain.size))
    return None


def _tree(head: TreeHead, chain: Chain | None) -> Difference | None:
    """Compares the stored tree with the position, and with a chain that was walked to its end, if there is one."""
    at = max(head.size, 1)
    nothing = Chain(head.source, head.partition)
    if head.size != head.sequence:
        message = "the stored tree has another size than the position that was reached"
        sequence = min(head.size, head.sequence) + 1
        return nothing.differs("tree", sequence, message, str(head.sequence), str(head.size))
    found = _compact_range(head)
    if found is None:
        return nothing.differs("tree", at, "the stored compact range does not fit the tree's size")
    if chain is not None and found != chain.compact_range:
        message = "the root of the stored tree is not that of its events"
        return chain.differs("tree", at, message, root(chain.compact_range).hex(), root(found).hex())
    if chain is not None and chain.last != head.hash:
        message = "the hash of the position that was reached is not that of its event"
        return chain.differs("tree", at, message, chain.last.hex(), head.hash.hex())
    return None


def _compact_range(head: TreeHead) -> CompactRange | None:
    try:
        return unpack(head.edge, head.size)
    except ValueError:
        return None


def _stored_root(head: TreeHead) -> str:
    found = _compact_range(head)
    return "" if found is None else root(found).hex()
