"""Mutants of what happens to a request before a service sees it, and of how its text is read."""

from tests.mutants.mutant import Mutant

CONNECTIONS = "shared/http/connections.py"
REQUESTS = "shared/http/bounded_requests.py"
CONNECTION_TESTS = ("tests/integration/http/test_connections.py",)
BATCHES = "services/intake/inbox/batches.py"
BATCH_TESTS = ("tests/unit/intake/test_batches.py",)
PIPELINING_TESTS = ("tests/integration/http/test_pipelining.py",)
SLOW_TESTS = ("tests/integration/http/test_slow_clients.py",)
PROBLEM_TESTS = ("tests/unit/http/test_problems.py",)
PARAMETER_TESTS = ("tests/unit/http/test_parameters.py",)
EVENTS = "services/intake/decide/events.py"

EDGE = (
    Mutant(
        "an-upgrade-ends-the-request",
        "a request that offers an upgrade loses its body, which is read as the next request",
        REQUESTS,
        "                head = head_without_offer(self.parser.get_method(), self.url, version, self.headers)\n",
        '                self.headers = [one for one in self.headers if one[0] != b"content-length"]\n'
        "                head = head_without_offer(self.parser.get_method(), self.url, version, self.headers)\n",
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
        REQUESTS,
        "            if self._head_bytes > self.limits.header_bytes:\n",
        "            if self._head_bytes < 0:\n",
        CONNECTION_TESTS,
    ),
    Mutant(
        "trailers-have-any-size",
        "the trailers of a chunked body fill the memory before anyone is authenticated",
        REQUESTS,
        "            if self._framing_bytes > self.limits.header_bytes:\n",
        "            if self._framing_bytes < 0:\n",
        CONNECTION_TESTS,
    ),
    Mutant(
        "a-trailer-is-a-header",
        "an Authorization behind a body stands among the headers",
        REQUESTS,
        "        if self._phase is Phase.BODY:  # a trailer",
        "        if self._phase is Phase.WAITING:  # a trailer",
        CONNECTION_TESTS,
    ),
    Mutant(
        "pipelined-requests-are-unbounded",
        "one segment of requests fills the memory before anyone is authenticated",
        REQUESTS,
        "            room = self.limits.pipelined_requests - len(self.pipeline)\n",
        "            room = 1_000_000\n",
        PIPELINING_TESTS,
    ),
    Mutant(
        "what-follows-a-request-takes-its-answer",
        "the client reads 400 while its event is committed",
        CONNECTIONS,
        "            if not within_body:\n",
        "            if False:\n",
        PIPELINING_TESTS,
    ),
    Mutant(
        "an-answered-body-that-stops-gets-a-second-answer",
        "the client takes 408 for the answer of its next request",
        CONNECTIONS,
        "        if not (within_body and cycle is not None and cycle.response_complete):\n",
        "        if cycle is not None or cycle is None:\n",
        PIPELINING_TESTS,
    ),
    Mutant(
        "a-parser-after-an-upgrade-is-stricter",
        "what follows a last request counts as a refused connection",
        REQUESTS,
        "                self.parser = self._new_parser()\n",
        "                self.parser = httptools.HttpRequestParser(self)\n",
        PIPELINING_TESTS,
    ),
    Mutant(
        "a-slow-reader-makes-no-progress",
        "an answer is broken off although the client reads it all the time",
        CONNECTIONS,
        "        return self._writing.is_stalled(now, -waiting)\n",
        "        return self._writing.is_stalled(now, 0)\n",
        SLOW_TESTS,
    ),
    Mutant(
        "a-body-takes-any-time",
        "three bodies that arrive byte by byte keep all others out for hours",
        CONNECTIONS,
        "            if now - self._since > limits.body_seconds or self._reading",
        "            if self._reading",
        SLOW_TESTS,
    ),
    Mutant(
        "an-idle-connection-is-kept",
        "a connection whose body ended after its answer stays open",
        CONNECTIONS,
        "        elif idle_since is not None and now - idle_since > self.timeout_keep_alive:\n",
        "        elif idle_since is not None and now < idle_since:\n",
        SLOW_TESTS,
    ),
    Mutant(
        "a-json-body-has-any-type",
        "a body in latin-1 is read as UTF-8",
        "shared/http/json_bodies.py",
        "        require_content_type(request, (JSON,), json=JSON)\n",
        "",
        ("tests/unit/http/test_every_service.py",),
    ),
    Mutant(
        "an-unknown-name-is-repeated",
        "a national ID in the place of a parameter's name is in the answer",
        "shared/http/parameters.py",
        '        shown = name if _SHOWN_NAME.fullmatch(name) else ""\n',
        '        shown = name if name.isprintable() else ""\n',
        PARAMETER_TESTS,
    ),
    Mutant(
        "a-path-with-a-national-id-is-repeated",
        "a national ID behind a letter is in the answer",
        "shared/http/problems.py",
        "(?!(?:[^/0-9]*[0-9]){6})",
        "(?!(?:[^/0-9]*[0-9]){60})",
        PROBLEM_TESTS,
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
