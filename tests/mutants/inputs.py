"""Mutants of how batches of records are bounded, and of what is kept of an input that is refused."""

from tests.mutants.mutant import Mutant

BOUNDED_BATCHES = "shared/kafka/bounded_batches.py"
BOUNDED_TESTS = ("tests/unit/test_bounded_batches.py",)
INFLATION = "shared/kafka/inflation.py"
INFLATION_TESTS = ("tests/unit/test_inflation.py",)
POLL_TESTS = ("tests/unit/test_bounded_polls.py",)
QUEUE_TESTS = ("tests/unit/intake/test_queued_polls.py",)
NORMALISE = "services/intake/decide/normalise.py"
RECEIVE_TESTS = ("tests/unit/intake/test_receive.py",)

INPUTS = (
    Mutant(
        "a-batch-inflates-without-bound",
        "a compressed batch of some kilobytes fills the memory of every consumer",
        BOUNDED_BATCHES,
        "            if inflated > most_bytes:\n",
        "            if inflated < 0:\n",
        BOUNDED_TESTS,
    ),
    Mutant(
        "an-empty-frame-ends-the-count",
        "a bomb behind an empty or skippable lz4 frame passes the bound, and its partition is held",
        INFLATION,
        "            yield len(stream.decompress(rest, max_length=PIECE_BYTES))\n",
        "            yield (found := len(stream.decompress(rest, max_length=PIECE_BYTES)))\n"
        "            if not found:\n                return\n",
        INFLATION_TESTS,
    ),
    Mutant(
        "members-are-not-counted",
        "a batch of many empty members takes time quadratic in its length",
        INFLATION,
        '        raise ValueError(f"more than {MEMBERS} gzip members")\n',
        "        return\n",
        INFLATION_TESTS,
    ),
    Mutant(
        "skipped-bombs-cost-nothing",
        "a poll inflates hundreds of small bombs in one go, and heartbeats and requests wait for it",
        "shared/kafka/header_names.py",
        "        if self._turn is not None and found.inflated_bytes:\n",
        "        if self._turn is not None and found.refusal is None:\n",
        POLL_TESTS,
    ),
    Mutant(
        "a-batch-has-any-number-of-records",
        "a batch of some kilobytes becomes hundreds of thousands of objects and rejections",
        BOUNDED_BATCHES,
        '"big", signed=True) > most_records:\n',
        '"big", signed=True) > 2**31:\n',
        BOUNDED_TESTS,
    ),
    Mutant(
        "a-refused-batch-is-kept",
        "a batch of many people is kept, and an erasure finds it by the first one alone",
        "services/intake/inbox/receive.py",
        '        arrival.raw, arrival.lookup = b"", None\n',
        "        arrival.lookup = None\n",
        RECEIVE_TESTS,
    ),
    Mutant(
        "several-people-share-a-rejection",
        "of a refused event that names several people an erasure finds one",
        "services/intake/inbox/receive.py",
        " or names_several(event, value) else kept\n",
        " else kept\n",
        RECEIVE_TESTS,
    ),
    Mutant(
        "a-poll-is-refused-like-a-request",
        "beside senders who take every place records with many events are never applied, and HTTP is refused with them",
        "services/intake/append/writer.py",
        "        if not slices and self._waiting and",
        "        if self._waiting and",
        QUEUE_TESTS,
    ),
    Mutant(
        "who-gave-up-keeps-a-place",
        "polls that timed out fill the queue while the database hangs",
        "services/intake/append/writer.py",
        "            self._discard(submission)\n",
        "",
        QUEUE_TESTS,
    ),
    Mutant(
        "a-poll-is-one-submission",
        "a poll of large records is one transaction of any number of events",
        "services/intake/inbox/polls.py",
        " > self._submission_events:\n",
        " < 0:\n",
        ("tests/unit/intake/test_polls.py",),
    ),
    Mutant(
        "text-is-normalised-before-its-last-change",
        "a name that was normalised changes when it is normalised again: the same person is another one",
        NORMALISE,
        '        value = " ".join(_nfkc(value.translate(_UNIFIED)).split())\n',
        '        value = " ".join(value.translate(_UNIFIED).split())\n',
        ("tests/unit/intake/test_normalise.py", "tests/property/test_normalise.py"),
    ),
)
