"""Mutants of what finds a forgery: verifications, and what a recovery believes of its topics."""

from tests.mutants.mutant import Mutant

FORGED_TOMBSTONE = (
    "tests/integration/recover/test_erasures.py"
    "::test_a_forged_tombstone_destroys_nothing_and_its_subject_is_named"
)
MISSING_KEYS = "tests/integration/recover/test_missing_keys.py"
CONTINUATION = "tests/unit/recover/test_continuation.py"
FORGED_ROWS = ("tests/e2e/test_verified_rows.py::test_one_forged_row_of_any_table_is_named",)

VERIFICATION = (
    Mutant(
        "believe-a-tombstone-alone",
        "whoever can write to Kafka has a recovery destroy a subject's key",
        "services/intake/recover/plan.py",
        "        buried |= {index for owner, index in self.doubtful.items() if owner[1] in confirmed}\n",
        "        buried |= set(self.doubtful.values())\n",
        (FORGED_TOMBSTONE,),
    ),
    Mutant(
        "yes-confirms-every-erasure",
        "an unattended recovery erases whom a forged tombstone names",
        "shared/recover/consent.py",
        "            if subject in self.erasures or (not self.yes and",
        "            if subject in self.erasures or self.yes or (not self.yes and",
        ("tests/unit/recover/test_consent.py", FORGED_TOMBSTONE),
    ),
    Mutant(
        "a-missing-key-is-found-late",
        "`recover` destroys keys and sets its mark, and only then finds that a lost fact cannot be read",
        "services/intake/recover/plan.py",
        "        if self.keyless:\n",
        "        if self.keyless and not self.lost.facts:\n",
        (MISSING_KEYS,),
    ),
    Mutant(
        "a-tombstone-of-a-mentor-is-not-listed",
        "a forged tombstone leaves a mentor without a record on rahnama.keys, and nobody learns of it",
        "services/intake/recover/keys.py",
        "    index = record_key(keyring, *owner)\n    if index in keys.tombstones:\n",
        "    index = record_key(keyring, *owner)\n    if owner[1].startswith(STUDENT) and index in keys.tombstones:\n",
        (MISSING_KEYS,),
    ),
    Mutant(
        "foreign-keys-alone-are-another-master-key",
        "one foreign record on an empty rahnama.keys makes `recover` impossible, with an untrue reason",
        "services/intake/recover/keys.py",
        "    if not rows and needed and keys.unopened and not keys.opened:\n",
        "    if keys.unopened and not keys.opened:\n",
        (MISSING_KEYS,),
    ),
    Mutant(
        "the-databases-keys-are-not-tried",
        "`recover` under another master key fails after its mark is set",
        "services/intake/recover/keys.py",
        "    if rows and not any(",
        "    if not rows and not any(",
        (MISSING_KEYS,),
    ),
    Mutant(
        "an-unknown-confirmation-is-ignored",
        "a misspelled --confirm-erasure erases nobody, and nobody learns of it",
        "shared/recover/consent.py",
        "self.erasures.difference(subjects, done)",
        "self.erasures.intersection(()).difference(subjects, done)",
        ("tests/unit/recover/test_consent.py",),
    ),
    Mutant(
        "garbage-ends-a-recovery",
        "one garbage record makes all lost events behind it unrecoverable",
        "shared/recover/continuation.py",
        "            if partition_consumer.is_event(record):\n",
        "            if True:\n",
        (CONTINUATION,),
    ),
    Mutant(
        "a-gap-before-garbage-is-the-end",
        "a recovery takes a topic with a hole in it for one that ends there",
        "shared/recover/continuation.py",
        "    if (held := partition_consumer.end_search()) is not None:\n        raise held\n",
        "    partition_consumer.end_search()\n",
        (CONTINUATION,),
    ),
    Mutant(
        "compare-only-rows-that-both-have",
        "a row of a read model can be deleted, or added, without being noticed",
        "shared/verification/shadow.py",
        " e full join public.",
        " e join public.",
        FORGED_ROWS,
    ),
    Mutant(
        "verify-no-link-of-the-log",
        "an event of the log can be replaced together with its hash before the ledger has it",
        "shared/verification/log_pages.py",
        "    if previous is not None and envelope.previous != previous.hex():\n",
        "    if previous is None and envelope.previous:\n",
        ("tests/unit/verification/test_log_pages.py",),
    ),
    Mutant(
        "verify-a-traceparent-nowhere",
        "a column of the log that no event repeats can be changed without being noticed",
        "services/audit/query/service_check.py",
        "        if traceparent != traceparent_digest(kept[sequence][1]):\n",
        "        if traceparent is None and kept[sequence][1]:\n",
        ("tests/unit/verification/test_log_pages.py",),
    ),
    Mutant(
        "a-decision-that-does-not-fit-ends-the-verification",
        "a forged decision keeps a verification from a verdict, and what was found is not reported",
        "services/allocation/recover/replay.py",
        "        except CONTRADICTIONS as error:\n",
        "        except ArithmeticError as error:\n",
        (
            "tests/e2e/test_verified_rows.py::test_a_log_that_cannot_be_replayed_gets_a_verdict_that_names_the_row",
        ),
    ),
    Mutant(
        "what-was-not-replayed-is-compared",
        "one forged decision makes every row of its partition a difference, and the first of them hide the others",
        "services/allocation/verify/read_models.py",
        "compare(connection, table, without_partitions=stopped)",
        "compare(connection, table)",
        (
            "tests/e2e/test_verified_rows.py::test_a_log_that_cannot_be_replayed_gets_a_verdict_that_names_the_row",
        ),
    ),
    Mutant(
        "a-key-without-a-tenant-is-the-callers",
        "an auditor reads the look-ups of another tenant's students",
        "shared/verification/routes.py",
        'one.key.get("tenant") == tenant',
        'one.key.get("tenant", tenant) == tenant',
        ("tests/unit/verification/test_tenants.py",),
    ),
    Mutant(
        "pages-of-the-log-show-traceparents",
        "an auditor of one tenant reads which traces another tenant's events belong to",
        "shared/verification/log_pages.py",
        "        tuple(traceparent_digest(row.traceparent) for row in rows[: len(hashes)]),\n",
        "        tuple(row.traceparent for row in rows[: len(hashes)]),\n",
        ("tests/unit/verification/test_log_pages.py",),
    ),
    Mutant(
        "no-replay-hides-the-log",
        "a service that ends its replay with an error hides what was found in its log",
        "services/audit/query/service_check.py",
        "        if not in_log:\n",
        "        if len(in_log) < 9:\n",
        ("tests/unit/audit/test_service_check.py",),
    ),
)
