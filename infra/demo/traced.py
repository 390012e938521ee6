"""One trace over three services: two students travel with a sampled trace context of their own."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from infra.demo.cohort import Event
from infra.otel.collector import CollectedSpan, Collector
from infra.services import NAMES

POLL_SECONDS: Final = 0.2
FOLLOW_SECONDS: Final = 15.0


def collector_environment(collector: Collector) -> Mapping[str, Mapping[str, str]]:
    """What the services need to export soon, and only what upstream sampled."""
    variables = {
        **collector.environment(),
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0",
    }
    return dict.fromkeys(NAMES, variables)


def with_trace(events: Sequence[Event]) -> tuple[list[Event], list[str]]:
    """The events, with a sampled `traceparent` on the first new student of each half; and the trace ids."""
    marked = list(events)
    trace_ids = []
    for start in (0, len(marked) // 2):
        place = next(at for at in range(start, len(marked)) if _is_sent_once(marked, at))
        trace_id = secrets.token_hex(16)
        marked[place] = {**marked[place], "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
        trace_ids.append(trace_id)
    return marked, trace_ids


def _is_sent_once(events: Sequence[Event], place: int) -> bool:
    """Whether nothing else in the cohort speaks of this student: then its event is sure to be accepted."""
    student = events[place]["data"]["national_id"]
    return str(events[place]["id"]).startswith("student-") and (
        sum(event["data"]["national_id"] == student for event in events) == 1
    )


async def follow(collector: Collector, trace_ids: Sequence[str]) -> list[CollectedSpan]:
    """The spans of the first trace that was seen in all three services; the best there is after 15 s."""
    best: list[CollectedSpan] = []
    for _ in range(int(FOLLOW_SECONDS / POLL_SECONDS)):
        best = max((collector.trace(trace_id) for trace_id in trace_ids), key=_services)
        if _services(best) == len(NAMES):
            break
        await asyncio.sleep(POLL_SECONDS)
    return best


def _services(trace: Sequence[CollectedSpan]) -> int:
    return len({span.service for span in trace})
