"""Mutants of what a request may ask and see: parameters, rates, limits to centres, and the databases of other services."""

from tests.mutants.mutant import Mutant

PARAMETERS = "shared/http/parameters.py"
PARAMETER_TESTS = ("tests/unit/http/test_parameters.py",)
INTAKE_QUERIES = "services/intake/query/queries.sql"
INTAKE_CENTERS = ("tests/integration/intake/test_centers.py",)

RATES = "shared/http/rate_limits.py"
RATE_TESTS = ("tests/unit/http/test_rate_limits.py",)
SLOTS = "shared/http/expensive_reads.py"
SLOT_TESTS = ("tests/unit/http/test_expensive_reads.py",)

LIMITS = (
    Mutant(
        "no-request-exceeds-a-limit",
        "a subject sends as many requests as it likes",
        RATES,
        "            is_refused = refused_by is None and not limit.limiter.hit(limit.item, key)\n",
        '            is_refused = refused_by == "" and not limit.limiter.hit(limit.item, key)\n',
        RATE_TESTS,
    ),
    Mutant(
        "counters-grow-with-their-callers",
        "as many counters are kept as there are subjects",
        RATES,
        "                len(self.expirations) > self._most or",
        "                len(self.expirations) < 0 or",
        RATE_TESTS,
    ),
    Mutant(
        "a-slot-is-kept-for-ever",
        "after its first summary a caller gets no other one",
        SLOTS,
        "            self._callers.remove(key)\n",
        "            self._callers.add(key)\n",
        SLOT_TESTS,
    ),
    Mutant(
        "a-list-for-some-centres-takes-no-slot",
        "callers limited to centres scan the rows of their tenant in as many requests as they like",
        "services/intake/query/students.py",
        "        unindexed = (gender, reg_center, group_code, caller.centers)\n",
        "        unindexed = (gender, reg_center, group_code)\n",
        ("tests/unit/intake/test_expensive_lists.py",),
    ),
    Mutant(
        "a-read-waits-for-a-connection-for-any-time",
        "a read that finds no connection free waits for as long as others hold them",
        "shared/postgres/connections.py",
        "        return super().acquire(timeout=ACQUIRE_SECONDS if timeout is None else timeout)\n",
        "        return super().acquire(timeout=timeout)\n",
        ("tests/integration/http/test_read_pool.py",),
    ),
    Mutant(
        "a-look-up-is-answered-within-its-first-slot",
        "the slot in which a look-up is answered shows how long its work took",
        "services/intake/query/slots.py",
        "        number = math.ceil(begun / SLOT_SECONDS + passed)\n",
        "        number = math.ceil(begun / SLOT_SECONDS) + passed - 1\n",
        ("tests/unit/intake/test_slots.py",),
    ),
    Mutant(
        "a-verification-holds-up-every-tenant",
        "while one tenant verifies, no other one can",
        SLOTS,
        "            if caller.tenant in self._tenants:\n",
        "            if self._tenants:\n",
        SLOT_TESTS,
    ),
    Mutant(
        "reads-take-any-time",
        "a read that scans keeps the database busy for as long as it likes",
        "shared/service/resources.py",
        "statement_seconds=settings.read_seconds)",
        "statement_seconds=None)",
        ("tests/integration/http/test_read_pool.py",),
    ),
    Mutant(
        "clients-have-no-name",
        "Kafka throttles a service as it does foreign clients",
        "shared/kafka/aio_clients.py",
        'else {"client_id": client_id}',
        'else {"client_id": "aiokafka"}',
        ("tests/integration/infra/test_client_names.py",),
    ),
    Mutant(
        "unknown-parameters-are-ignored",
        "a misspelt filter is ignored, and the list shows everything",
        PARAMETERS,
        "            if name not in self.names:\n",
        '            if name not in self.names and name == "":\n',
        PARAMETER_TESTS,
    ),
    Mutant(
        "the-last-of-several-values-counts",
        "a parameter that is given twice has the last of its values",
        PARAMETERS,
        "            elif len(values) > 1 and name not in self.repeatable:\n",
        "            elif len(values) > 64 and name not in self.repeatable:\n",
        PARAMETER_TESTS,
    ),
    Mutant(
        "a-number-is-whatever-python-reads",
        "1_0, +10 and 10 with a space are numbers",
        PARAMETERS,
        '_INTEGER: Final = re.compile("-?[0-9]{1,19}")\n',
        '_INTEGER: Final = re.compile("[-+ ]?[0-9][0-9_]{0,18} ?")\n',
        PARAMETER_TESTS,
    ),
    Mutant(
        "a-limit-that-cannot-be-applied-is-ignored",
        "an auditor of one centre reads the records of all",
        "shared/http/auth/roles.py",
        "    if caller.centers is not None and access.centers is CenterLimit.REFUSED:\n",
        "    if caller.centers == frozenset() and access.centers is CenterLimit.REFUSED:\n",
        ("tests/unit/http/test_centers.py",),
    ),
    Mutant(
        "mentors-of-every-centre-are-listed",
        "an operator of one centre sees the mentors of all",
        INTAKE_QUERIES,
        "  and ($5::integer[] is null or centers && $5)\norder by mentor_id limit $6\n",
        "  and ($5::integer[] is null or true)\norder by mentor_id limit $6\n",
        INTAKE_CENTERS,
    ),
    Mutant(
        "rejections-of-every-centre-are-listed",
        "an operator of one centre sees what was refused of all",
        INTAKE_QUERIES,
        "  and ($4::integer[] is null or centers && $4)\norder by rejection_id limit $5\n",
        "  and ($4::integer[] is null or true)\norder by rejection_id limit $5\n",
        INTAKE_CENTERS,
    ),
    Mutant(
        "a-look-up-finds-students-of-every-centre",
        "an operator of one centre finds the students of all by their national IDs",
        INTAKE_QUERIES,
        "    and y.year = $3::smallint and ($4::integer[] is null or y.reg_center = any($4))\n",
        "    and y.year = $3::smallint and ($4::integer[] is null or true)\n",
        INTAKE_CENTERS,
    ),
    Mutant(
        "the-waitlist-of-every-centre-is-listed",
        "an operator of one centre sees who waits in all",
        "services/allocation/query/queries.sql",
        "  and ($5::integer[] is null or reg_center = any($5))\n",
        "  and ($5::integer[] is null or true)\n",
        ("tests/integration/allocation/test_centers.py",),
    ),
    Mutant(
        "a-shared-mentors-students-of-every-centre-are-listed",
        "an operator of one centre sees a shared mentor's students of the others",
        "services/allocation/query/queries.sql",
        "  and ($6::integer[] is null or reg_center = any($6))\n",
        "  and ($6::integer[] is null or true)\n",
        ("tests/integration/allocation/test_centers.py",),
    ),
    Mutant(
        "a-database-is-open-to-every-role",
        "a service's role connects to databases that are not its own",
        "infra/local/databases.py",
        'f"REVOKE ALL ON DATABASE {name} FROM PUBLIC"',
        'f"GRANT CONNECT ON DATABASE {name} TO PUBLIC"',
        ("tests/integration/infra/test_databases.py",),
    ),
    Mutant(
        "a-base-url-is-not-checked",
        "a malformed RAHNAMA_PRODUCER_URLS ends audit with a traceback",
        "services/audit/settings.py",
        "            require_base_url(url)\n",
        "            str(url)\n",
        ("tests/unit/test_read_settings.py",),
    ),
    Mutant(
        "unknown-positions-are-no-trouble",
        "`make status` reports a service as ready whose lag it does not know",
        "infra/local/status.py",
        ", *unknown),\n",
        "),\n",
        ("tests/unit/infra/test_status.py",),
    ),
)
