"""What an input of the fuzzer meets: intake's own code, from the bytes at a door to the answer, without its servers.

Every event must end in a declared outcome: accepted, unchanged, duplicate, or rejected with documented codes; every
request and record that is none in a declared refusal; a fetch that cannot be taken apart holds its partition, for a named
cause. Anything else raises.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final, cast

import msgspec
from starlette.requests import Request
from starlette.types import Message

from infra.local.home import REPOSITORY
from services.intake.append.decide_batch import Batch, ReceivedEvent, TenantBatch, decide_batch
from services.intake.append.idempotency import Answers, Result, encoder
from services.intake.append.inbound import InboundRecord, record_digest
from services.intake.append.writer import Writer
from services.intake.crypto.sealing import Keyring
from services.intake.decide.messages import needs
from services.intake.decide.state import State
from services.intake.inbox.http import events_router
from services.intake.inbox.receive import Receiver
from services.intake.settings import Settings
from shared.errors import Rejected
from shared.http.auth.callers import Caller
from shared.http.problems import problem_of
from shared.kafka.header_names import PatientRecords
from tests.fuzz.events.held import PartitionHeld, taking_apart
from tests.fuzz.events.inputs import SPREADSHEETS, Door, Input

NOW: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)
PARTITIONS: Final = 12
EVENTS: Final = 50
EVENT_BYTES: Final = 2 * 1024
"""Below the longest input, so that events are too long, too."""
SOURCES: Final = {"/upstream/demo": "default", SPREADSHEETS: "qom"}
CALLER: Final = Caller("default", "feeder", frozenset({"upstream"}), None)
SPREADSHEETS_CALLER: Final = Caller("qom", "feeder", frozenset({"upstream"}), None)
CODE: Final = re.compile(r"`([A-Z][A-Z0-9_]+)`")
INT8: Final = 2**63

Outcomes = Counter[str]


class NotDeclared(Exception):
    """What came of an input is no outcome that is documented; the message says what."""


def documented_codes() -> frozenset[str]:
    """Of rejections, from the table of docs/events.md."""
    page = (REPOSITORY / "docs" / "events.md").read_text(encoding="utf-8")
    rows = (line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    return frozenset(code for row in rows for code in CODE.findall(row))


class Target:
    """Takes inputs one by one; each answer is checked."""

    def __init__(self) -> None:
        self._codes = documented_codes()
        keyring = Keyring(bytes(32))
        self._receiver = Receiver(
            keyring, SOURCES, lambda: NOW, event_bytes=EVENT_BYTES, batch_events=EVENTS,
            spreadsheet_tenants=frozenset({SPREADSHEETS_CALLER.tenant}),
        )  # fmt: skip
        settings = SimpleNamespace(
            event_bytes=EVENT_BYTES, request_bytes=3 * EVENT_BYTES, request_events=EVENTS
        )
        router = events_router(
            cast(Settings, settings), self._receiver, cast(Writer, self), cast(Answers, None), keyring
        )
        self._send_events: Callable[[Request, Caller], Coroutine[Any, Any, Any]] = next(
            cast(Any, route).endpoint for route in router.routes if cast(Any, route).path == "/v1/events"
        )
        self._met: Outcomes = Counter()

    def meet(self, made: Input) -> Outcomes:
        """What came of it. Raises whatever intake would not have handled, and `NotDeclared`."""
        self._met = Counter()
        match made.door:
            case Door.HTTP:
                self._post(made)
            case Door.RECORD:
                headers = [(name.decode("utf-8", "replace"), content) for name, content in made.headers]
                self._read(InboundRecord(7, 1_700_000_000_000, made.value, headers))
            case Door.FETCH:
                self._fetch(made.value)
        return self._met

    # -- the doors

    def _post(self, made: Input) -> None:
        request = _request(made)
        try:
            answer = _run(self._send_events(request, _caller(made)))
        except Rejected as error:
            told = problem_of(request, error)
            if not 400 <= told.status_code < 500:
                raise NotDeclared(f"{error.code} is answered with {told.status_code}") from error
            self._met[f"refused {error.code}"] += 1
            return
        if answer.status_code not in (202, 422):
            raise NotDeclared(f"answered with {answer.status_code}")

    def _read(self, record: InboundRecord) -> None:
        record_digest(record.value, record.headers)
        arrivals = self._receiver.from_kafka(3, record)
        if not arrivals:
            raise NotDeclared("a record without an answer")
        self._settle(arrivals)

    def _fetch(self, data: bytes) -> None:
        """As a poll does: what cannot be taken apart holds its partition, for a cause that is named in `held`."""
        found: list[Any] = []
        try:
            for batch in self._batches(PatientRecords(data)):
                with taking_apart("records"):
                    found += list(batch)
        except PartitionHeld as held:
            self._met[f"held {held}"] += 1
            return
        for record in found:
            self._read(InboundRecord(record.offset, record.timestamp, record.value or b"", record.headers))

    @staticmethod
    def _batches(records: PatientRecords) -> Iterator[Any]:
        while records.has_next():
            with taking_apart("batches"):
                batch = records.next_batch()
            yield batch

    # -- the writer, without its database

    def require_room(self) -> None:
        """There is always room."""

    async def submit(self, arrivals: Sequence[ReceivedEvent]) -> list[Result]:
        """The writer's part of a request."""
        return self._settle(arrivals)

    def _settle(self, arrivals: Sequence[ReceivedEvent]) -> list[Result]:
        tenants: dict[str, TenantBatch] = {}
        for arrival in arrivals:
            self._check(arrival)
            if arrival.command is not None:
                batch = tenants.setdefault(arrival.tenant, TenantBatch(State(arrival.tenant, PARTITIONS)))
                for manager_id in needs([arrival.command]).mentors_of:
                    batch.state.mentors_of.setdefault(manager_id, set())
        settled = Batch(NOW, {})
        for pending in decide_batch(settled, arrivals, tenants).pending:
            msgspec.json.encode(pending.new.fact)
        results = [item.result() for item in settled.settled]
        if len(results) != len(arrivals):
            raise NotDeclared(f"{len(results)} answers to {len(arrivals)} events")
        for result in results:
            self._count(msgspec.json.decode(encoder.encode(result), type=Result))
        return results

    def _check(self, arrival: ReceivedEvent) -> None:
        """Either a command or errors, and nothing that the database would not take."""
        if (arrival.command is None) == (not arrival.errors):
            raise NotDeclared("an event with a command and errors, or with neither")
        for text in (arrival.tenant, arrival.source, arrival.id, arrival.type, arrival.traceparent):
            if text is not None and "\0" in text:
                raise NotDeclared("a text that PostgreSQL does not take")
            (text or "").encode()
        if arrival.command is not None:
            written = msgspec.to_builtins(arrival.command)
            if any(not -INT8 <= number < INT8 for number in _numbers(written)):
                raise NotDeclared("a number that PostgreSQL does not take")
            if b"\\u0000" in msgspec.json.encode(written):
                raise NotDeclared("a text that PostgreSQL does not take")
        if any(not -(2**31) <= center < 2**31 for center in arrival.centers):
            raise NotDeclared("a centre that PostgreSQL does not take")

    def _count(self, result: Result) -> None:
        if result.status != "rejected":
            self._met[result.status] += 1
            return
        errors = () if isinstance(result.errors, msgspec.UnsetType) else result.errors
        if not errors or (unknown := {error.code for error in errors} - self._codes):
            raise NotDeclared(f"rejected with {unknown if errors else 'no code'}")
        self._met[f"rejected {errors[0].code}"] += 1


def _numbers(value: Any) -> list[int]:
    match value:
        case bool():
            return []
        case int():
            return [value]
        case dict():
            return [number for item in value.values() for number in _numbers(item)]
        case list() | tuple():
            return [number for item in value for number in _numbers(item)]
        case _:
            return []


def _caller(made: Input) -> Caller:
    """Of the tenant whose spreadsheets are cleaned, where its source is named anywhere."""
    named = SPREADSHEETS.encode()
    found = named in made.value or any(named in content for _, content in made.headers)
    return SPREADSHEETS_CALLER if found else CALLER


def _request(made: Input) -> Request:
    """As uvicorn hands it on: the names of headers are lower-case."""
    chunks = [made.value] if made.value else []

    async def receive() -> Message:
        return {"type": "http.request", "body": chunks.pop() if chunks else b"", "more_body": bool(chunks)}

    headers = [(name.lower(), content) for name, content in made.headers]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/events", "raw_path": b"/v1/events", "query_string": b"",
        "headers": headers, "scheme": "http", "http_version": "1.1", "server": ("intake", 80),
    }  # fmt: skip
    return Request(scope, cast(Callable[[], Awaitable[Message]], receive))


def _run(asked: Coroutine[Any, Any, Any]) -> Any:
    """Its result; whenever it gives way to others, there are none."""
    try:
        while True:
            asked.send(None)
    except StopIteration as done:
        return done.value
