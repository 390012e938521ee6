"""Mutants of the mechanisms: log, relay, inbox, ledger."""

from tests.mutants.mutant import Mutant

PARTITION_CONSUMER = "shared/inbox/log_partition_consumer.py"
PARTITION = "shared/relay/partition_relay.py"
LOOK = "shared/relay/diagnosis.py"
LOG_QUERIES = "shared/append/queries.sql"
LOG_TESTS = ("tests/integration/append/test_log.py",)
INBOX_TESTS = ("tests/integration/inbox/test_log_inbox.py",)
PARTITION_CONSUMER_TESTS = ("tests/unit/inbox/test_log_partition_consumer.py",)
PUBLISHING = ("tests/integration/relay/test_publishing.py",)
WRITER_TESTS = ("tests/integration/allocation/test_writer.py",)

LOGS = (
    Mutant(
        "skip-the-head-lock",
        "two writers give the same sequence, or fork the chain",
        LOG_QUERIES,
        "order by partition for update\n",
        "order by partition\n",
        LOG_TESTS,
    ),
    Mutant(
        "lock-heads-out-of-order",
        "two appends wait for each other for ever",
        LOG_QUERIES,
        "where partition = any($1::smallint[]) order by partition for update\n",
        "where partition = any($1::smallint[]) order by random() for update\n",
        LOG_TESTS,
    ),
    Mutant(
        "append-through-a-closed-gate",
        "a restored log grows beside its own topic: a fork",
        "shared/append/log.py",
        "        if self.reason is not None:\n",
        "        if self.reason == '':\n",
        LOG_TESTS,
    ),
    Mutant(
        "time-runs-backwards",
        "a fact is accepted before the one in front of it",
        "shared/append/log.py",
        "        time = draft.time or max(acceptance, head.time)\n",
        "        time = draft.time or acceptance\n",
        LOG_TESTS,
    ),
    Mutant(
        "drop-the-compare-and-set",
        "a zombie applies what another instance has applied",
        "shared/inbox/queries.sql",
        "    where inbox.sequence = next.expected\n"
        "    order by inbox.source, inbox.partition for update of inbox\n"
        "), moved as (\n"
        "    update inbox set sequence = next.sequence, hash = next.hash\n"
        "    from next, locked\n"
        "    where inbox.source = next.source and inbox.partition = next.partition\n"
        "      and locked.source = next.source and locked.partition = next.partition\n"
        "      and inbox.sequence = next.expected\n",
        "    order by inbox.source, inbox.partition for update of inbox\n"
        "), moved as (\n"
        "    update inbox set sequence = next.sequence, hash = next.hash\n"
        "    from next, locked\n"
        "    where inbox.source = next.source and inbox.partition = next.partition\n"
        "      and locked.source = next.source and locked.partition = next.partition\n",
        (*WRITER_TESTS, *INBOX_TESTS),
    ),
    Mutant(
        "drop-the-gap-check",
        "a lost event is passed over",
        PARTITION_CONSUMER,
        "            elif sequence > last:\n"
        "                if (fault := self._beyond(last, sequence, record.offset)) is not None:\n"
        "                    break\n",
        "            elif sequence > last:\n"
        "                last, last_hash = sequence, leaf_hash(value)\n"
        "                previous = last_hash.hex()\n"
        "                accepted.append(Received.of(record, value, envelope, sequence, last_hash))\n",
        PARTITION_CONSUMER_TESTS,
    ),
    Mutant(
        "drop-the-chain-check",
        "another history is taken for the next event",
        PARTITION_CONSUMER,
        "                if envelope.previous != previous:\n",
        "                if envelope.previous == b'':\n",
        PARTITION_CONSUMER_TESTS,
    ),
    Mutant(
        "apply-repeats",
        "an event that comes again counts twice",
        PARTITION_CONSUMER,
        "            if sequence == last + 1:\n                if",
        "            if sequence <= last + 1:\n                if False and",
        PARTITION_CONSUMER_TESTS,
    ),
    Mutant(
        "keep-state-after-a-revocation",
        "an instance decides on what it knew before others had the partition",
        "services/allocation/append/writer.py",
        "            return AllocationPartition(position, await load_partition(connection, partition))\n",
        "            kept = self.__dict__.setdefault('_kept', {})\n"
        "            if partition not in kept:\n"
        "                kept[partition] = await load_partition(connection, partition)\n"
        "            return AllocationPartition(position, kept[partition])\n",
        WRITER_TESTS,
    ),
    Mutant(
        "acknowledge-early",
        "facts count as applied although what they led to was rolled back",
        "services/allocation/append/writer.py",
        "        await move_positions(connection, [batch.slice for batch in batches], keep_hashes=True)\n",
        "        async with self._pool.acquire() as early:\n"
        "            await move_positions(early, [batch.slice for batch in batches], keep_hashes=True)\n",
        ("tests/simulation/test_seeds.py::test_the_first_seeds_keep_every_invariant",),
    ),
    Mutant(
        "publish-before-the-commit",
        "Kafka tells of decisions that were rolled back",
        "services/allocation/append/writer.py",
        "        await write_changes(connection, states, funnels)\n        return appended\n",
        "        self._published(appended)\n"
        "        await write_changes(connection, states, funnels)\n        return appended\n",
        ("tests/simulation/test_seeds.py::test_the_first_seeds_keep_every_invariant",),
    ),
    Mutant(
        "two-batches-in-flight",
        "a batch that fails leaves a hole before the next one",
        PARTITION,
        "        offset = await self._send(producer, batch, events)\n",
        "        task = asyncio.ensure_future(self._send(producer, batch, events))\n"
        "        await asyncio.sleep(0)\n"
        "        offset = task.result() if task.done() else self.next_offset\n",
        ("tests/integration/relay/test_broker_killed.py", "tests/integration/relay/test_lost_topic.py"),
    ),
    Mutant(
        "a-lost-topic-is-not-noticed",
        "what was lost under a running relay is never published again",
        "shared/relay/inspection.py",
        "    if position is None:\n        return False\n",
        "    if position is None or position >= 0:\n        return False\n",
        ("tests/integration/relay/test_lost_topic.py",),
    ),
    Mutant(
        "no-refill",
        "a topic that lost its beginning stays without it",
        LOOK,
        "    if first.sequence != 1:\n",
        "    if first.sequence < 0:\n",
        ("tests/unit/relay/test_diagnosis.py",),
    ),
    Mutant(
        "a-hole-is-read-over",
        "a topic that lacks something in its middle stays without it",
        "shared/relay/coverage.py",
        "        if record.sequence == sequence + 1:\n            sequence += 1\n",
        "        if record.sequence is not None:\n            sequence = max(sequence, record.sequence)\n",
        ("tests/unit/relay/test_coverage.py",),
    ),
    Mutant(
        "a-hole-in-a-growing-topic-is-not-told",
        "while a partition is written to, what was read past the look's end hides what is missing",
        "shared/relay/topic.py",
        " if record.offset < end]",
        "]",
        ("tests/integration/relay/test_topic.py",),
    ),
    Mutant(
        "gate-stays-open-behind-the-topic",
        "a restored log is appended to although its topic is ahead",
        LOOK,
        "    if highest > standing.head:\n",
        "    if highest < 0:\n",
        ("tests/unit/relay/test_diagnosis.py",),
    ),
    Mutant(
        "gate-stays-open-on-a-fork",
        "log and topic tell two histories, and both go on",
        LOOK,
        "        if kept != record.hash:\n",
        "        if kept is None:\n",
        ("tests/unit/relay/test_diagnosis.py",),
    ),
    Mutant(
        "only-garbage-is-foreign",
        "a forged event on a topic gives no alarm of the relay",
        "shared/relay/foreign.py",
        "        if kept != seen.hash:\n",
        "        if seen.sequence is None:\n",
        ("tests/unit/relay/test_foreign.py",),
    ),
    Mutant(
        "every-offset-counts-as-acknowledged",
        "a record between two batches of the relay is never read",
        "shared/relay/producer.py",
        "        if first <= self.reached:\n",
        "        if first >= 0:\n",
        ("tests/unit/relay/test_account.py",),
    ),
    Mutant(
        "the-alarm-ends-with-the-next-look",
        "a service with a foreign record on its topic becomes ready although nobody acted",
        "shared/relay/foreign.py",
        "            if left and await _holds(topic, number, left[0]):\n",
        "            if not left and await _holds(topic, number, left[0]):\n",
        ("tests/integration/relay/test_foreign_records.py",),
    ),
    Mutant(
        "markers-replace-a-client",
        "a consumer that has read to the end of its topic connects again and again",
        "shared/inbox/watch.py",
        "            and assigned.unread and assigned.heard < since\n",
        "            and assigned.heard < since\n",
        ("tests/unit/inbox/test_watch.py",),
    ),
    Mutant(
        "records-in-hand-are-passed-over",
        "a forged record that was polled just as its partition was taken back is never read",
        "shared/inbox/processing.py",
        "                self._partitions.passed_over(place, run[0].offset)\n",
        "                pass\n",
        ("tests/unit/inbox/test_processing.py",),
    ),
    Mutant(
        "what-was-not-compared-is-not-read-again",
        "foreign records of a piece that was read while the database was lost give no alarm",
        "shared/relay/scrub.py",
        "        self._coverages = dict(self._kept)\n",
        "        self._coverages = dict(self._coverages)\n",
        ("tests/unit/relay/test_coverage.py",),
    ),
    Mutant(
        "the-alarm-ends-with-the-leadership",
        "an instance that leads again reports nothing of the foreign records that it found before",
        "shared/relay/foreign.py",
        "        self._led = frozenset(numbers)\n",
        "        self._led = frozenset(numbers)\n        self._found = {n: self._found[n] for n in self._led & self._found.keys()}\n",
        ("tests/unit/relay/test_foreign.py",),
    ),
    Mutant(
        "a-refill-deletes-what-the-log-has-replaced",
        "the only copy of an event that a restored database lost is deleted",
        LOOK,
        "    seen = [record for record in (last, first, extent.highest, read_highest) if record is not None]\n",
        "    seen = [record for record in (last, first, extent.highest) if record is not None]\n",
        ("tests/unit/relay/test_diagnosis.py",),
    ),
    Mutant(
        "markers-are-waited-for",
        "a transaction's marker at the end of one partition stops the relay of all",
        "shared/relay/topic.py",
        "                    self._consumer.pause(*passed)\n                    waiting.difference_update(passed)\n",
        "                    self._consumer.pause(*passed)\n",
        ("tests/integration/relay/test_transactions.py",),
    ),
    Mutant(
        "markers-are-lag",
        "a partition that ends with a transaction's marker has a lag that never ends, and its client is made anew",
        "services/intake/inbox/inbound_policy.py",
        "        self._end = self.applied if ends.read_to is not None and ends.read_to >= ends.end else ends.end\n",
        "        self._end = ends.end\n",
        ("tests/integration/inbox/test_inbound.py",),
    ),
    Mutant(
        "repeats-are-skipped-unseen",
        "the true event behind a forged one is passed over",
        "shared/inbox/log_policy.py",
        "            if kept is not None and (fault := partition_consumer.compared(repeat, kept)) is not None:\n",
        "            if kept is None and (fault := partition_consumer.compared(repeat, repeat.hash)) is not None:\n",
        ("tests/unit/inbox/test_repeats.py",),
    ),
    Mutant(
        "no-hashes-are-kept",
        "allocation has nothing to compare a true fact behind a forged one with",
        "shared/inbox/positions.py",
        "        [_joined(item) if keep_hashes else None for item in ordered],\n",
        "        [None for item in ordered],\n",
        ("tests/integration/allocation/test_forged_facts.py", *INBOX_TESTS),
    ),
    Mutant(
        "never-ahead",
        "a consumer that applied what its topic does not hold reports nothing",
        "shared/inbox/ahead.py",
        "        if self._last >= applied:\n",
        "        if self._last >= 0:\n",
        ("tests/unit/inbox/test_ahead.py",),
    ),
    Mutant(
        "every-member-is-ours",
        "a foreign client takes partitions of the group and every service stays ready",
        "shared/inbox/group_watch.py",
        "        foreign = [member for member in members if member.client_id != self._group]\n",
        "        foreign = [member for member in members if not member.client_id]\n",
        ("tests/unit/inbox/test_group_watch.py",),
    ),
    Mutant(
        "a-foreign-consumer-counts-as-one-of-ours",
        "a partition that a foreign client holds counts as consumed",
        "shared/inbox/group_watch.py",
        "        ours = {place for member in members if member.client_id == self._group for place in member.places}\n",
        "        ours = {place for member in members for place in member.places}\n",
        ("tests/unit/inbox/test_group_watch.py",),
    ),
    Mutant(
        "no-lag-while-held",
        "the lag of a held partition stays at what it was when it stopped",
        "shared/inbox/watch.py",
        "                assigned.seen_newest = newest\n",
        "                assigned.seen_newest = 0\n",
        ("tests/integration/inbox/test_liveness.py",),
    ),
    Mutant(
        "skipped-records-are-no-alarm",
        "records that were deleted before they were applied are passed over in silence",
        "services/intake/inbox/inbound_policy.py",
        "        if expected < ends.begin <= ends.end:\n",
        "        if expected < ends.begin < expected:\n",
        ("tests/unit/inbox/test_inbound_consumer.py",),
    ),
    Mutant(
        "leaf-and-node-alike",
        "a tree in which an inner node can be passed off as an event",
        "services/audit/decide/trees.py",
        '            node = hashed(b"\\x01" + pop() + node).digest()\n',
        "            node = hashed(pop() + node).digest()\n",
        ("tests/unit/audit/test_trees.py",),
    ),
    Mutant(
        "believe-the-stored-hash",
        "a record of the ledger can be changed unseen",
        "services/audit/decide/chains.py",
        "        digest = leaf_hash(row.value)\n",
        "        digest = row.hash\n",
        ("tests/unit/audit/test_walks.py",),
    ),
    Mutant(
        "a-misplaced-sequence-is-complete",
        "a topic that readers meet a gap in is taken for complete, because the missing events come later",
        "shared/relay/coverage.py",
        "        elif record.sequence > sequence and missing is None:\n",
        "        elif record.sequence < 0:\n",
        ("tests/unit/relay/test_coverage.py",),
    ),
    Mutant(
        "the-last-record-alone-opens-the-gate",
        "a log that was set back grows beside its topic, because a late repeat is the topic's last record",
        "shared/relay/inspection.py",
        "        if not self._log.gate.is_open:\n            compared = ",
        "        if self._log.gate.is_open:\n            compared = ",
        ("tests/integration/relay/test_gate.py",),
    ),
    Mutant(
        "an-erasure-is-settled-by-its-own-process-alone",
        "a late key of somebody erased stays on rahnama.keys when the process that sent the tombstone has ended",
        "services/intake/relay/keys_watch.py",
        "        await self._bury_once_more()\n        await self._settle_erasures()\n",
        "        await self._bury_once_more()\n",
        ("tests/integration/intake/test_keys_sent_again.py",),
    ),
    Mutant(
        "the-tail-is-read-from-where-the-last-check-ended",
        "after a lost session the gate stays closed for minutes, until all that was published since the start is read",
        "shared/relay/tail.py",
        "            and self.first_offset <= first <= self.next_offset\n",
        "            and self.first_offset <= first\n",
        ("tests/unit/relay/test_tail.py",),
    ),
    Mutant(
        "a-refill-deletes-what-the-log-does-not-hold",
        "a refill deletes events that only the topic holds, because the database was restored and they are misplaced",
        "shared/relay/inspection.py",
        "                read_highest=highest[number],\n",
        "",
        ("tests/integration/relay/test_gate.py",),
    ),
    Mutant(
        "a-closed-producer-is-a-programming-error",
        "a send that fails in one partition ends the watch over rahnama.keys, which was sending through the same producer",
        "shared/relay/producer.py",
        "            raise ProducerClosed\n",
        "            raise RuntimeError\n",
        ("tests/integration/intake/test_shared_key_producer.py",),
    ),
)
