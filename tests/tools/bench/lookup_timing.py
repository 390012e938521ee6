"""How well the time of `POST /v1/students/lookup` tells absent, foreign (of another centre) and present students apart.

python -m tests.tools.bench.lookup_timing [people of each kind]

Each person is probed 15 times, and each probe follows one of a reference person who is absent, so that the drift of the
machine cancels out. A classifier learns a feature and its threshold from half of the people and is tested with the rest:
0.5 is a guess. Prints JSON.
"""

import asyncio
import http.client
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final
from urllib.parse import urlsplit

from infra.demo.cohort import national_id
from tests.integration.intake.harness import student
from tests.tools.bench.cohorts import Piece
from tests.tools.bench.figures import require, require_equal
from tests.tools.bench.harness import Harness, new_harness
from tests.tools.bench.machine import describe

PEOPLE: Final = 300
PROBES: Final = 15
WARM_UP: Final = 500
OWN: Final = 0
STATUS: Final = {"absent": 404, "foreign": 404, "present": 200}

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to look up, and what is true of them for a caller of centre 0."""

    kind: str
    number: int

    @property
    def body(self) -> bytes:
        """The request's."""
        return json.dumps({"national_id": national_id(100_000_000 + self.number), "year": 1404}).encode()


FEATURES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "min": min,
    "median": statistics.median,
    "mean": statistics.fmean,
}


async def measure(count: int) -> dict[str, Any]:
    """The accuracy by pair, and the median time of each kind."""
    people = [Person(kind, 3 * place + which) for place in range(count) for which, kind in enumerate(STATUS)]
    async with new_harness() as harness:
        await _register(harness, people)
        await harness.stop("allocation", "audit")
        token = harness.system.token("operator", centers=[OWN])
        reference = Person("absent", 3 * count)
        samples, took = await asyncio.to_thread(
            _probe_all, harness.system.urls["intake"], token, people, reference
        )
    return {
        **describe(),
        "people_of_each_kind": count,
        "probes": PROBES,
        "median_microseconds": {kind: round(statistics.median(took[kind]) * 1e6, 1) for kind in STATUS},
        "accuracy": {
            f"{one} or {other}": accuracy(samples[one], samples[other])
            for one, other in combinations(STATUS, 2)
        },
    }


async def _register(harness: Harness, people: Sequence[Person]) -> None:
    known = [person for person in people if person.kind != "absent"]
    events = [
        student(person.number, reg_center=OWN if person.kind == "present" else OWN + 1) for person in known
    ]
    pieces = [
        Piece("default", json.dumps(events[start : start + 500]).encode(), len(events[start : start + 500]))
        for start in range(0, len(events), 500)
    ]
    sent = await harness.sender.send_all(pieces, at_once=1)
    require_equal(sent.status["accepted"], len(known), "students that were accepted")


def _probe_all(
    url: str, token: str, people: Sequence[Person], reference: Person
) -> tuple[dict[str, list[Features]], dict[str, list[float]]]:
    """Each person's features, and all times, by kind; the people in a random order, on one connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    order = random.Random(1404).sample(list(people), len(people))
    for person in order[:WARM_UP]:
        _probe(connection, headers, person)
    samples: dict[str, list[Features]] = {kind: [] for kind in STATUS}
    took: dict[str, list[float]] = {kind: [] for kind in STATUS}
    for person in order:
        before, times = [], []
        for _ in range(PROBES):
            before.append(_probe(connection, headers, reference))
            times.append(_probe(connection, headers, person))
        took[person.kind] += times
        samples[person.kind].append(_features(before, times))
    connection.close()
    return samples, took


def _probe(connection: http.client.HTTPConnection, headers: dict[str, str], person: Person) -> float:
    begun = time.perf_counter()
    connection.request("POST", "/v1/students/lookup", person.body, headers)
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - begun
    require(answer.status == STATUS[person.kind], f"{person.kind}: {answer.status}")
    return seconds


def _features(before: Sequence[float], times: Sequence[float]) -> Features:
    own = {name: feature(times) for name, feature in FEATURES.items()}
    return own | {f"{name} against the reference": own[name] - FEATURES[name](before) for name in FEATURES}


def accuracy(one: Sequence[Features], other: Sequence[Features]) -> dict[str, Any]:
    """Of the feature and threshold that are best in the first halves, in the second ones."""
    half = len(one) // 2
    learned = [
        (found, name, threshold, sign)
        for name in one[0]
        for found, threshold, sign in [
            _threshold([x[name] for x in one[:half]], [x[name] for x in other[:half]])
        ]
    ]
    _, name, threshold, sign = max(learned)
    right = sum(sign * (x[name] - threshold) <= 0 for x in one[half:])
    right += sum(sign * (x[name] - threshold) > 0 for x in other[half:])
    tested = len(one) + len(other) - 2 * half
    return {"feature": name, "accuracy": round(right / tested, 3), "people": tested}


def _threshold(one: Sequence[float], other: Sequence[float]) -> tuple[float, float, int]:
    """The best accuracy, the threshold that reaches it, and on which side `other` is."""
    labelled = sorted([*((value, 0) for value in one), *((value, 1) for value in other)])
    best = (0.0, 0.0, 1)
    below = [0, 0]
    for value, label in labelled:
        below[label] += 1
        right = below[0] + len(other) - below[1]
        for sign, count in ((1, right), (-1, len(labelled) - right)):
            best = max(best, (count / len(labelled), value, sign))
    return best


if __name__ == "__main__":
    found = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE))
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
