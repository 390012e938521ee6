"""What intake refused, as `rahnama.rejections` tells it: never what the event said."""

from typing import Final, Literal

import msgspec

EVENT_REJECTED: Final = "rahnama.intake.event.rejected.v1"


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One thing that was wrong: where (JSON pointer), and the stable code."""

    pointer: str
    code: str


class InboundPlace(msgspec.Struct, frozen=True, gc=False):
    """Where a refused record stands in `rahnama.inbound`."""

    partition: int
    offset: int


class EventRejected(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `rahnama.intake.event.rejected.v1`. `type` is the event's, if it could be read, and `centers` those that it named readably; absent if it named none."""

    rejection_id: str
    door: Literal["http", "kafka"]
    inbound: InboundPlace | None
    type: str | None
    errors: list[Fault]
    centers: list[int] | msgspec.UnsetType = msgspec.UNSET


class RejectionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The CloudEvent around it. Its id is the rejection's, so that a repeated record is the same event.

    It stands in no log and has no sequence: the rejection itself is kept by intake, sealed.
    """

    specversion: str = "1.0"
    id: str
    source: str = "/rahnama/intake"
    type: str = EVENT_REJECTED
    time: str
    datacontenttype: str = "application/json"
    tenant: str
    causationid: str
    data: EventRejected
