"""Upstream's part: half of the events over HTTP in batches, half over Kafka, both at once."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import httpx
from aiokafka import AIOKafkaProducer

from infra.demo.cohort import Event, wrong_ids
from infra.local.side_by_side import side_by_side
from shared.kafka.closing_clients import Producer

HTTP_BATCH: Final = 500
HTTP_REQUESTS_AT_ONCE: Final = 3
HTTP_SECONDS: Final = 60.0
ATTEMPTS: Final = 10
KAFKA_HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
KAFKA_BATCH_BYTES: Final = 256 * 1024

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the events go, and with which token."""

    intake_url: str
    token: str
    kafka_bootstrap: str
    inbound_topic: str
    partitions: int


def encode_batches(events: Sequence[Event]) -> list[bytes]:
    """Bodies of `application/cloudevents-batch+json`, at most 500 events each."""
    return [
        json.dumps(events[start : start + HTTP_BATCH], ensure_ascii=False).encode()
        for start in range(0, len(events), HTTP_BATCH)
    ]


async def send_over_http(
    upstream: Upstream,
    bodies: Sequence[bytes],
    progress: Progress,
    *,
    requests_at_once: int = HTTP_REQUESTS_AT_ONCE,
) -> dict[str, str]:
    """Posts every body until it is answered with 202; a 429 or 503 is retried after the time in `Retry-After`.

    Returns the first code of each event that was rejected, now or when it was sent first, by its id.
    """
    codes: dict[str, str] = {}
    waiting = asyncio.Queue[bytes]()
    for body in bodies:
        waiting.put_nowait(body)
    headers = {
        "authorization": f"Bearer {upstream.token}",
        "content-type": "application/cloudevents-batch+json",
    }
    async with httpx.AsyncClient(
        base_url=upstream.intake_url, headers=headers, timeout=HTTP_SECONDS
    ) as client:

        async def worker() -> None:
            while not waiting.empty():
                results = await _post(client, waiting.get_nowait())
                codes.update(_rejected(results))
                progress(len(results))

        await side_by_side(*(worker() for _ in range(requests_at_once)))
    return codes


def _rejected(results: Sequence[Event]) -> dict[str, str]:
    return {str(result["id"]): result["errors"][0]["code"] for result in results if result.get("errors")}


def require_rejected(codes: Mapping[str, str], events: Sequence[Event]) -> None:
    """Raises `RuntimeError` unless intake rejected those of the events that are wrong on purpose, and no others."""
    wrong, sent = wrong_ids(events), len(events)
    if unexpected := {name: code for name, code in codes.items() if name not in wrong}:
        kinds = ", ".join(f"{code} ({times})" for code, times in Counter(unexpected.values()).most_common(3))
        raise RuntimeError(
            f"intake rejected {len(codes)} of {sent} events, {len(unexpected)} of them unexpectedly, with {kinds}; for example"
            f" {min(unexpected)}. GET /v1/rejections of intake lists the reasons."
        )
    if accepted := wrong - codes.keys():
        raise RuntimeError(
            f"intake accepted {len(accepted)} of {len(wrong)} events that are wrong on purpose, for example {min(accepted)}."
        )


async def _post(client: httpx.AsyncClient, body: bytes) -> list[Event]:
    for _attempt in range(ATTEMPTS):
        answer = await client.post("/v1/events", content=body)
        if answer.status_code == 202:
            results: list[Event] = answer.json()["results"]
            return results
        if answer.status_code not in (429, 503):
            raise RuntimeError(f"intake answered {answer.status_code}: {answer.text[:300]}")
        await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
    raise RuntimeError(f"intake was not available in {ATTEMPTS} attempts")


async def send_over_kafka(upstream: Upstream, values: Sequence[bytes], progress: Progress) -> None:
    """Produces every event, structured mode, and returns when all are acknowledged."""
    producer = Producer(
        bootstrap_servers=upstream.kafka_bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=KAFKA_BATCH_BYTES,
    )
    try:
        await producer.start()
        share = -(-len(values) // upstream.partitions)
        parts = (values[first : first + share] for first in range(0, len(values), share))
        await side_by_side(
            *(
                _produce(producer, upstream.inbound_topic, partition, part, progress)
                for partition, part in enumerate(parts)
            )
        )
    finally:
        await producer.stop()


async def _produce(
    producer: AIOKafkaProducer, topic: str, partition: int, values: Sequence[bytes], progress: Progress
) -> None:
    sent = 0
    while sent < len(values):
        batch = producer.create_batch()
        first = sent
        while sent < len(values) and batch.append(
            key=None, value=values[sent], timestamp=None, headers=KAFKA_HEADERS
        ):
            sent += 1
        await (await producer.send_batch(batch, topic, partition=partition))
        progress(sent - first)
