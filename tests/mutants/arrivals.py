"""Mutants of how arriving events and batches are read."""

from tests.mutants.mutant import Mutant

BATCHES = "services/intake/inbox/batches.py"
BATCH_TESTS = ("tests/unit/intake/test_batches.py",)
EVENTS = "services/intake/decide/events.py"

ARRIVALS = (
    Mutant(
        "bytes-that-are-not-text-become-text",
        "two ids that are not UTF-8 become the same id",
        "services/intake/decide/binary_mode.py",
        '        return raw.decode("utf-8")\n',
        '        return raw.decode("utf-8", "replace")\n',
        ("tests/unit/intake/test_events.py",),
    ),
    Mutant(
        "every-tenant-sends-spreadsheets",
        "events of a tenant that did not ask for it are read as a spreadsheet's rows",
        "services/intake/inbox/receive.py",
        "            spreadsheet_leftovers=envelope.tenant in self._spreadsheet_tenants,\n",
        "            spreadsheet_leftovers=True,\n",
        ("tests/integration/intake/test_spreadsheet_tenants.py",),
    ),
    Mutant(
        "a-fraction-is-cut-off",
        "a number with a fraction becomes another whole number",
        "services/intake/decide/spreadsheets.py",
        r'r"([0-9]{1,10})\.0*"',
        r'r"([0-9]{1,10})\.[0-9]*"',
        ("tests/unit/intake/test_spreadsheets.py",),
    ),
    Mutant(
        "base64-of-any-type-is-decoded",
        "an event whose data_base64 is a number stops its partition",
        EVENTS,
        '    if not isinstance(attributes.get("data_base64"), str | None):\n',
        '    if not isinstance(attributes.get("data_base64"), object):\n',
        ("tests/unit/intake/test_events.py",),
    ),
    Mutant(
        "an-unclosed-comment-is-passed-over",
        "a batch of unclosed comments takes time quadratic in its length",
        BATCHES,
        '_UNCLOSED: Final = (b\'"\', b"/*")\n',
        "_UNCLOSED: Final = (b'\"',)\n",
        BATCH_TESTS,
    ),
    Mutant(
        "a-batch-is-cut-whole",
        "a batch of millions of items fills the memory before they are counted",
        BATCHES,
        '    if body.count(b",") > most * COMMAS_PER_ITEM:',
        '    if body.count(b",") < 0:',
        BATCH_TESTS,
    ),
    Mutant(
        "a-long-event-is-decoded-before-it-is-refused",
        "one event of a request holds up intake for seconds and takes hundreds of MB",
        "services/intake/inbox/receive.py",
        "        return open_long_event(value) if len(value) > self._event_bytes else open_event(value)\n",
        "        return open_long_event(value) if len(value) < 0 else open_event(value)\n",
        ("tests/unit/intake/test_long_events.py",),
    ),
    Mutant(
        "a-walk-through-a-batch-has-no-pauses",
        "a batch of one event with many brackets holds up intake until it is cut",
        BATCHES,
        "        if walked % TOKENS_BETWEEN_PAUSES == 0:\n",
        "        if walked < 0:\n",
        ("tests/unit/intake/test_long_events.py",),
    ),
)
