"""Positions: how far the log and the inbox are, and reads that wait until they are far enough."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple, Protocol

from fastapi import Depends, Query, Request
from starlette.responses import Response

from shared.errors import FieldError, PositionNotReached, Rejected
from shared.http.responses import json_response

MAX_POSITIONS: Final = 64
FIRST_PAUSE_SECONDS: Final = 0.005
LONGEST_PAUSE_SECONDS: Final = 0.05
_PATTERN: Final = re.compile(r"([a-z][a-z0-9-]{0,31}):([0-9]{1,3}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Of one partition of the service's own log: the last sequence, and the last one known to be on the topic."""

    partition: int
    last: int
    published: int


@dataclass(frozen=True, slots=True)
class InboxPosition:
    """Of one (source, partition): the last sequence applied, and the newest one seen on the topic, if known.

    For the source `inbound` these are the next offset and the end offset.
    """

    source: str
    partition: int
    applied: int
    newest: int | None


class PositionsSource(Protocol):
    """What a service knows of its positions. Each answers from the database that the reads are made from."""

    async def log(self) -> Sequence[LogPosition]:
        """By partition; empty for a service without a log."""
        ...

    async def inbox(self) -> Sequence[InboxPosition]:
        """By source and partition."""
        ...

    async def applied(self, source: str, partition: int) -> int | None:
        """How far reads show (source, partition), the service's own log included; None: it is not followed here."""
        ...


class WantedPosition(NamedTuple):
    """A position that a read shall have reached."""

    source: str
    partition: int
    sequence: int


def parse_min_position(text: str) -> WantedPosition:
    """`intake:3:17`. Raises `Rejected` (`MIN_POSITION_INVALID`)."""
    found = _PATTERN.fullmatch(text)
    if found is None:
        raise _invalid("It must be <source>:<partition>:<sequence>.")
    return WantedPosition(found[1], int(found[2]), int(found[3]))


async def wait_for(positions: PositionsSource, wanted: Sequence[WantedPosition], wait_seconds: float) -> None:
    """Returns when all `wanted` are reached. Raises `PositionNotReached` after `wait_seconds`, and `Rejected`."""
    deadline = time.monotonic() + wait_seconds
    for target in wanted:
        pause = FIRST_PAUSE_SECONDS
        while True:
            applied = await positions.applied(target.source, target.partition)
            if applied is None:
                raise _invalid("This service does not follow that source and partition.")
            if applied >= target.sequence:
                break
            left = deadline - time.monotonic()
            if left <= 0:
                raise PositionNotReached(
                    f"{target.source}:{target.partition} stands at {applied}, not yet at {target.sequence}."
                )
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def wait_for_min_position(
    request: Request,
    min_position: Annotated[list[str] | None, Query(max_length=MAX_POSITIONS)] = None,
) -> None:
    """The dependency behind `MinPosition`. The caller's role was checked before (`check_request`)."""
    if min_position:
        wanted = [parse_min_position(text) for text in min_position]
        await wait_for(request.app.state.positions, wanted, request.app.state.position_wait_seconds)


MinPosition: Final = Depends(wait_for_min_position)
"""For a route's `dependencies=[…]`: `min_position=intake:3:17` (repeatable) waits until the read would show it."""


async def positions_response(positions: PositionsSource) -> Response:
    """The answer of `GET /v1/positions`."""
    return json_response({"log": await positions.log(), "inbox": await positions.inbox()})


def _invalid(message: str) -> Rejected:
    code = "MIN_POSITION_INVALID"
    return Rejected(
        "The request does not fit; see `errors`.",
        code=code,
        errors=(FieldError("/query/min_position", code, message),),
    )
