"""A reading of a service's metrics: the number that it answers, or an error. No answer is not 0."""

import asyncio
import re
import time
from typing import Final

import httpx

ANSWER_SECONDS: Final = 15.0
REQUEST_SECONDS: Final = 3.0
PAUSE_SECONDS: Final = 0.2


class NotAnswered(Exception):
    """The service did not answer with its metrics in time; the message is what it did instead."""


async def read_metric(url: str, token: str, name: str) -> float:
    """A metric's sum over all of its labels; 0 for one of which the answer has no sample, as before its first.

    Asks again for `ANSWER_SECONDS`, then raises `NotAnswered`.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as client:
        while True:
            try:
                answer = await client.get(f"{url}/metrics", headers={"authorization": f"Bearer {token}"})
                if answer.status_code == httpx.codes.OK:
                    break
                instead = f"the status {answer.status_code}"
            except httpx.TransportError as error:
                instead = type(error).__name__
            if time.monotonic() > deadline:
                raise NotAnswered(f"{url}/metrics gave {instead} for {ANSWER_SECONDS:.0f} s")
            await asyncio.sleep(PAUSE_SECONDS)
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", answer.text, re.MULTILINE)
    return sum(float(value) for value in found)
