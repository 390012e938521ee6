"""Mutants of the rules: who gets which mentor, counter and place."""

from tests.mutants.mutant import Mutant

DECISIONS_MADE = "services/allocation/decide/decisions.py"
REGISTERED = "services/allocation/decide/student_registered.py"
WITHDRAWN = "services/allocation/decide/student_withdrawn.py"
UNIT = ("tests/unit/allocation",)
ENGINE = ("tests/property/test_engine.py", "tests/property/test_engine_moves.py")

DECISIONS = (
    Mutant(
        "float-ranking",
        "two mentors whose occupancies differ by less than a float can tell are confused",
        "services/allocation/decide/occupancy.py",
        "    return ((load << SCALE_BITS) // mentor.capacity) << LOAD_BITS | load\n",
        "    return int(load / mentor.capacity * 1000) << LOAD_BITS | load\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "union-of-a-cut-block",
        "a mentor with a place is passed over, when more levels than one block holds were there",
        "services/allocation/decide/occupancy.py",
        "    block.union ^= upper.union\n",
        "",
        UNIT,
    ),
    Mutant(
        "one-too-many",
        "a mentor is given one student more than it has places for",
        "services/allocation/decide/occupancy.py",
        "        had, has = before < capacity, after < capacity\n",
        "        had, has = before < capacity, after <= capacity\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "counter-given-twice",
        "two students share a counter",
        DECISIONS_MADE,
        "    pool.last_counters[year] = number_of(counter)\n",
        "    pool.last_counters[year] = max(1, number_of(counter) - 1)\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "new-counter-after-a-release",
        "a student does not keep its counter for life",
        DECISIONS_MADE,
        "    counter = student.counter\n",
        "    counter = None\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "last-come-first-served",
        "the waitlist is not served by arrival",
        DECISIONS_MADE,
        "        arrival, year, queue = heads[0]\n",
        "        arrival, year, queue = max(heads)\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "waitlist-forgotten",
        "a place that became free goes to nobody who waits",
        REGISTERED,
        '        yield place(pool, student, "changed", mentor.mentor_id)\n        yield from serve(pool, mentor)\n',
        '        yield place(pool, student, "changed", mentor.mentor_id)\n',
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "keeps-who-no-longer-fits",
        "a mentor that changed keeps students against the rules",
        "services/allocation/decide/rules.py",
        "for rule in rules if not rule.asks_for_a_place\n",
        "for rule in rules[:-1] if not rule.asks_for_a_place\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "who-passes-is-kept-when-a-mentor-changes",
        "students are given to mentors by what these were before their last change",
        "services/allocation/decide/mentor_index.py",
        "        self._passing.clear()\n        for year",
        "        for year",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "withdrawn-place-kept",
        "the place of a student that was withdrawn goes to nobody who waits",
        WITHDRAWN,
        "    if mentor is not None:\n        yield from serve(pool, mentor)\n",
        "    if mentor is None:\n        yield from ()\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "withdrawal-not-loaded",
        "a withdrawal of a student that is not in memory is taken for one of a student that nobody knows",
        WITHDRAWN,
        "        wanted.student(tenant, fact.student_id)\n",
        "        pass\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "moved-back-as-if-never-there",
        "a student that comes back after a withdrawal arrives as somebody new",
        REGISTERED,
        '        elif student.status == "withdrawn":\n            student.status = "undecided"\n',
        '        elif student.status == "withdrawn":\n            student.status = "undecided"\n'
        "            student.arrival = cause.sequence\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "counter-of-one-year-only",
        "a counter that another year brings is not told of a year that is not in memory",
        "services/allocation/project/write.py",
        "        for student_id, counter in pool.changes.counters.items()\n",
        "        for student_id, counter in list(pool.changes.counters.items())[:0]\n",
        ("tests/integration/allocation/test_moves.py",),
    ),
    Mutant(
        "version-of-the-first-pool",
        "a student that moved is shown as the pool has it that it left",
        "services/allocation/query/queries.sql",
        "    where tenant = $1 and year = $2 and ($3::uuid is null or student_id > $3)\n"
        "    order by student_id, version desc\n",
        "    where tenant = $1 and year = $2 and ($3::uuid is null or student_id > $3)\n"
        "    order by student_id, version\n",
        ("tests/integration/allocation/test_moves.py",),
    ),
    Mutant(
        "rotation-forgotten",
        "a restarted service begins the rotation anew, and a replay picks others",
        "services/allocation/project/write.py",
        "            pool.last_chosen.get(year),\n",
        "            None,\n",
        ("tests/integration/allocation/test_moves.py",),
    ),
    Mutant(
        "buckets-by-floats",
        "an occupancy at a bucket's edge falls into the one below",
        "services/allocation/decide/buckets.py",
        "            bucket = load * denominator // (mentor.capacity * numerator)\n",
        "            bucket = int(load / mentor.capacity / (numerator / denominator))\n",
        (*UNIT, *ENGINE),
    ),
    Mutant(
        "decision-of-this-moment",
        "a replay gives other bytes than the first run",
        "services/allocation/append/writer.py",
        "        time=cause.time,\n",
        "        time=None,\n",
        ("tests/integration/allocation/test_writer.py",),
    ),
    Mutant(
        "load-forgotten",
        "a restarted service takes full mentors for empty ones",
        "services/allocation/project/write.py",
        "        for year, mentor_id in pool.changes.loads\n    ]\n",
        "        for year, mentor_id in list(pool.changes.loads)[:0]\n    ]\n",
        ("tests/integration/allocation/test_writer.py",),
    ),
)
