"""Mutants of the door: idempotence, answers, locks, personal data."""

from tests.mutants.mutant import Mutant

WRITER = "services/intake/append/writer.py"
TRANSACTION = "services/intake/append/batch.py"
APPENDER = "services/intake/append/transaction.py"
SETTLE = "services/intake/append/decide_batch.py"
DOORS = ("tests/integration/intake/test_http_door.py", "tests/integration/intake/test_kafka_door.py")
LOCKS = ("tests/integration/intake/test_cross_subject_locks.py",)
HISTORIES = ("tests/integration/intake/test_cross_subject_histories.py",)
CONCURRENCY = ("tests/integration/intake/test_concurrency.py",)
FOREIGN = "tests/integration/recover/test_foreign.py"

INTAKE = (
    Mutant(
        "inbound-is-acknowledged-from-memory",
        "a power cut of the only broker loses records of `rahnama.inbound` that it had acknowledged",
        "shared/kafka/durability.py",
        '{"flush.messages": "1"}',
        "{}",
        ("tests/integration/infra/test_topics.py",),
    ),
    Mutant(
        "keys-are-known-by-any-first-one",
        "a topic of keys that was lost under another leader is known by what this one sends first",
        "services/intake/relay/keys.py",
        "wanted, is_first=is_all)",
        "wanted, is_first=True)",
        ("tests/integration/intake/test_keys_sent_again.py",),
    ),
    Mutant(
        "an-anchor-that-was-not-read-is-lost",
        "a slow read of rahnama.keys sends every key and tombstone of the partition again, at each look",
        "services/intake/relay/keys_watch.py",
        "ends.keys() - found - reading.unread}",
        "ends.keys() - found}",
        ("tests/integration/intake/test_keys_unread.py",),
    ),
    Mutant(
        "a-look-keeps-its-consumer-after-a-fault",
        "a consumer whose fetcher died reads nothing for as long as the service runs",
        "shared/inbox/topic_look.py",
        "            except Exception:\n                await self.close()\n                raise\n",
        "            except Exception:\n                raise\n",
        ("tests/integration/inbox/test_topic_look.py",),
    ),
    Mutant(
        "a-rejection-without-a-uuid-is-readable",
        "one foreign record on rahnama.rejections makes `recover` impossible",
        "services/intake/recover/rejections.py",
        "            str(UUID(event.id)) == event.id\n            and ",
        "            UUID(event.id).version != 0\n            and ",
        (FOREIGN,),
    ),
    Mutant(
        "a-rejection-of-an-accepted-event-comes-back",
        "anyone who can write to Kafka makes `recover` answer an accepted event with a rejection",
        "services/intake/recover/rejections.py",
        "                if one.key in accepted or ",
        "                if ",
        (FOREIGN,),
    ),
    Mutant(
        "a-rejection-of-a-source-answers-for-an-allowed-one",
        "a forged rejection that names an accepted event's record becomes its answer",
        "services/intake/recover/rejections.py",
        "[one for one in kept if one.key not in accepted]",
        "kept",
        (FOREIGN,),
    ),
    Mutant(
        "a-topic-that-somebody-else-created-is-counted",
        "two instances both count and report one recreated topic",
        "shared/kafka/topics.py",
        "        return False\n    raise for_code(code)",
        "        return True\n    raise for_code(code)",
        ("tests/integration/inbox/test_recreated_topic.py",),
    ),
    Mutant(
        "recover-leaves-no-mark",
        "after an interrupted `recover` intake starts with a key destroyed and no erasure in its log",
        "services/intake/recover/recover.py",
        "        await begin_command(connection, APPLICATION)\n",
        "",
        ("tests/integration/recover/test_interrupted.py",),
    ),
    Mutant(
        "a-student-without-a-key-is-openable",
        "`recover` given again without its confirmation leaves a student without a key and without an erasure",
        "services/intake/recover/plan.py",
        "(set(doubtful) - lost_owners - keyless)",
        "(set(doubtful) - lost_owners)",
        ("tests/integration/recover/test_interrupted.py",),
    ),
    Mutant(
        "skip-the-duplicate-check",
        "an event that is sent again is applied again",
        SETTLE,
        "        first = answered.get(key) if key is not None else None\n",
        "        first = None\n",
        DOORS,
    ),
    Mutant(
        "one-id-for-all-sources",
        "two upstreams that number their events alike lose one of them",
        "services/intake/crypto/digests.py",
        'f"{source}\\0{event_id}".encode()',
        "event_id.encode()",
        ("tests/unit/intake/test_digests.py",),
    ),
    Mutant(
        "reused-id-is-a-duplicate",
        "another content under a known id is silently dropped",
        SETTLE,
        "            if first.is_repeated_by(arrival.digest):\n",
        "            if True:\n",
        DOORS,
    ),
    Mutant(
        "answer-before-the-commit",
        "`accepted` is answered for what a lost connection then takes back",
        APPENDER,
        "                written = await Writing(connection, work, self._tools, spans).write()\n",
        "                written = await Writing(connection, work, self._tools, spans).write()\n"
        "                early = iter(written.results)\n"
        "                for submission in submissions:\n"
        "                    if not submission.answers.done():\n"
        "                        submission.answers.set_result([next(early) for _ in submission.arrivals])\n",
        CONCURRENCY,
    ),
    Mutant(
        "positions-outside-the-transaction",
        "records of `rahnama.inbound` whose transaction was rolled back are lost",
        APPENDER,
        "            async with transaction(self._pool) as connection:\n"
        "                work = Work(arrivals, slices, alone, self._clock())\n",
        "            if slices:\n"
        "                from services.intake.append.inbound import move_inbound\n\n"
        "                async with self._pool.acquire() as outside:\n"
        "                    await move_inbound(outside, slices)\n"
        "            async with transaction(self._pool) as connection:\n"
        "                work = Work(arrivals, (), alone, self._clock())\n",
        CONCURRENCY,
    ),
    Mutant(
        "absent-is-absent-for-ever",
        "a withdrawal is refused although the rest of its batch was decided after the student came",
        "services/intake/append/load.py",
        "    if absent and await",
        "    if not absent and await",
        LOCKS,
    ),
    Mutant(
        "lost-race-is-not-run-again",
        "two instances that meet answer with an error instead of one history",
        WRITER,
        "ATTEMPTS: Final = 5\n",
        "ATTEMPTS: Final = 1\n",
        CONCURRENCY,
    ),
    Mutant(
        "fact-before-its-key",
        "a fact is on Kafka whose key no restored database could know",
        "shared/relay/partition_relay.py",
        "                await self._before_publish(self.number, events)\n",
        "                pass\n",
        ("tests/integration/relay/test_publishing.py", "tests/integration/intake/test_sealing.py"),
    ),
    Mutant(
        "names-beside-the-envelope",
        "personal data stands in the log in plain text",
        "services/intake/append/seal_facts.py",
        "        arrival.causation_id,\n        data,\n",
        '        arrival.causation_id,\n        data + b" " + arrival.raw if False else data[:-1]'
        " + b',\"raw\":' + _encode(arrival.raw.decode(errors='replace')) + b'}',\n",
        ("tests/integration/intake/test_sealing.py",),
    ),
    Mutant(
        "seal-opens-anywhere",
        "an envelope can be moved to another subject unnoticed",
        "services/intake/crypto/sealing.py",
        '    return f"{tenant}\\0{subject}\\0{kind}".encode()\n',
        "    return kind.encode()\n",
        ("tests/unit/intake/test_sealing.py",),
    ),
    Mutant(
        "bad-records-vanish",
        "what upstream sent and intake could not read leaves no trace",
        "services/intake/append/seal_facts.py",
        '        await connection.copy_records_to_table("rejections", records=rows, columns=REJECTION_COLUMNS)\n',
        "        assert rows\n",
        DOORS,
    ),
    Mutant(
        "references-in-the-order-of-the-request",
        "batches over the same tenants in opposite orders dead-lock",
        "services/intake/append/load.py",
        "        numbers = sorted(modes)\n",
        "        numbers = list(modes)\n",
        LOCKS,
    ),
    Mutant(
        "students-in-the-order-of-the-request",
        "batches with the same new students in opposite orders dead-lock",
        "services/intake/append/load.py",
        "    for lookup in sorted(touched):\n",
        "    for lookup in touched:\n",
        LOCKS,
    ),
    Mutant(
        "new-mentors-in-the-order-of-the-request",
        "batches with the same new mentors in two pools dead-lock",
        TRANSACTION,
        "by_subject=has_new_mentors",
        "by_subject=False",
        LOCKS,
    ),
    Mutant(
        "a-roster-shares-other-tenants",
        "a batch that holds heads waits for students of somebody who waits for the heads",
        TRANSACTION,
        "alone=work.alone or has_rosters",
        "alone=work.alone",
        LOCKS,
    ),
    Mutant(
        "a-manager-shares-its-tenant",
        "a mentor that is registered meanwhile keeps the centres of before",
        "services/intake/decide/manager_registered.py",
        "    moves_references: ClassVar[bool] = True\n",
        "    moves_references: ClassVar[bool] = False\n",
        HISTORIES,
    ),
    Mutant(
        "a-moved-year-keeps-its-place",
        "a corrected gender leaves the other years in the old pool",
        "services/intake/decide/student_registered.py",
        "    for number in sorted(known.years.keys() | {command.year}):\n",
        "    for number in (command.year,):\n",
        ("tests/unit/intake/test_decide_across_subjects.py",),
    ),
)
