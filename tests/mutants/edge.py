"""Mutants of what happens to a request before a service sees it, and of how its text is read."""

from tests.mutants.mutant import Mutant

CONNECTIONS = "shared/http/connections.py"
CONNECTION_TESTS = ("tests/integration/http/test_connections.py",)
EVENTS = "services/intake/decide/events.py"

EDGE = (
    Mutant(
        "an-upgrade-ends-the-request",
        "a request that offers an upgrade loses its body, which is read as the next request",
        CONNECTIONS,
        "        if self.parser.should_upgrade():\n",
        "        if self.parser.should_upgrade() and not self.headers:\n",
        CONNECTION_TESTS,
    ),
    Mutant(
        "a-header-block-takes-any-time",
        "connections that never finish their header block stay open",
        CONNECTIONS,
        "            if now - self._since > limits.header_seconds:\n",
        "            if now - self._since > limits.header_seconds * 1000:\n",
        CONNECTION_TESTS,
    ),
    Mutant(
        "a-header-block-has-any-size",
        "an unfinished header block fills the memory",
        CONNECTIONS,
        "        if self._phase is _Phase.HEAD and self._head_bytes > self.limits.header_bytes:\n",
        "        if self._phase is _Phase.HEAD and self._head_bytes < 0:\n",
        CONNECTION_TESTS,
    ),
    Mutant(
        "an-idle-connection-holds-a-body",
        "connections without a token hold the bodies that nobody read, up to 64 KiB and a piece each",
        CONNECTIONS,
        "            self.cycle.body = bytearray()\n",
        "            bytearray()\n",
        CONNECTION_TESTS,
    ),
    Mutant(
        "a-refused-request-waits-for-the-garbage-collector",
        "a flood of refused requests fills the memory until the garbage collector runs",
        "shared/http/edge.py",
        "            error = None\n\n",
        "\n",
        ("tests/unit/http/test_refused_requests.py",),
    ),
    Mutant(
        "an-incomplete-body-is-a-body",
        "a body shorter than its Content-Length gets a recorded result",
        "shared/http/bodies.py",
        "    if declared and size < declared_length(declared):\n",
        "    if declared and size < 0:\n",
        ("tests/unit/http/test_refused_requests.py",),
    ),
    Mutant(
        "bytes-that-are-not-text-become-text",
        "two ids that are not UTF-8 become the same id",
        EVENTS,
        '        return raw.decode("utf-8")\n',
        '        return raw.decode("utf-8", "replace")\n',
        ("tests/unit/intake/test_events.py",),
    ),
    Mutant(
        "a-revoked-token-is-valid",
        "a token that was revoked is accepted until it expires",
        "shared/http/tokens.py",
        "        if self._revocations.includes(claims):\n",
        "        if self._revocations.includes({}):\n",
        ("tests/unit/http/test_tokens.py",),
    ),
    Mutant(
        "a-batch-inflates-without-bound",
        "a compressed batch of some kilobytes fills the memory of every consumer",
        "shared/kafka/bounded_batches.py",
        "            if total > limit:\n",
        "            if total < 0:\n",
        ("tests/unit/test_bounded_batches.py",),
    ),
)
