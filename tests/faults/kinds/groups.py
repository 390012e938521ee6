"""What belongs to a consumer is taken from it: its group by a foreign client, and the topic that intake reads."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from shared.kafka.closing_clients import Consumer
from tests.faults.bed import PARTITIONS
from tests.faults.ground import Ground
from tests.faults.kinds.alarms import require
from tests.invariants.reading import admin_of

GROUPS: Final = {"intake": ("inbound",), "allocation": ("intake",), "audit": ("intake", "allocation")}
INBOUND: Final = "rahnama.inbound"


async def the_theft_of_a_group(ground: Ground) -> None:
    """A foreign client joins the group of a service under load and applies nothing. It leaves after the alarm."""
    service = ground.draw.choice(sorted(GROUPS))
    await ground.underway()
    thief = Consumer(
        *(ground.servers.topic(name) for name in GROUPS[service]),
        bootstrap_servers=ground.servers.bootstrap, group_id=f"rahnama.{service}", enable_auto_commit=False,
        session_timeout_ms=6000, metadata_max_age_ms=2000,
    )  # fmt: skip
    await thief.start()
    try:
        await require(_holding(thief), f"the foreign member of rahnama.{service} was given no partition")
        ground.do(
            f"a foreign member takes {len(thief.assignment())} partitions of the group rahnama.{service}"
        )
        ground.witness(bool(thief.assignment()), f"the foreign member held nothing of rahnama.{service}")
        began = time.monotonic()
        await require(_told_of_theft(ground, service), f"{service} gave no alarm for the theft")
        ground.notes.append(f"{service} gave its alarm after {time.monotonic() - began:.1f} s")
    finally:
        await thief.stop()
    await ground.bed.wait_until_ready()


async def rahnama_inbound_is_deleted(ground: Ground) -> None:
    """Busy or idle, and nobody but intake creates it again. What was not applied is sent again by upstream."""
    if busy := ground.draw.random() < 0.5:
        await ground.underway()
    else:
        await ground.idle()
    ground.do(f"delete {'busy' if busy else 'idle'} {INBOUND}")
    ground.stage.inbound_made_anew += 1
    async with admin_of(ground.servers.bootstrap) as admin:
        await admin.delete_topics([INBOUND])

        async def recreated() -> bool:
            found = [topic for topic in await admin.describe_topics() if topic["topic"] == INBOUND]
            return bool(
                found
                and len(found[0]["partitions"]) == PARTITIONS
                and ground.alarms("intake", "topic_missing")
                and ground.alarms("intake", "topic_recreated")
                and await ground.metric("rahnama_inbox_topics_recreated_total", "intake") >= 1
            )

        await require(recreated, f"intake did not create {INBOUND} again, with an alarm")
        ground.witness(bool(ground.alarms("intake", "topic_recreated")), f"{INBOUND} was not deleted")
    await ground.bed.wait_until_ready()
    await ground.more(10)
    for lane in ground.lanes:
        ground.senders.sent.forget_order(step.event for step in lane)


def _holding(thief: Consumer) -> Callable[[], Awaitable[bool]]:
    async def attempt() -> bool:
        return bool(thief.assignment())

    return attempt


def _told_of_theft(ground: Ground, service: str) -> Callable[[], Awaitable[bool]]:
    """Logged, counted, and not ready: some partitions stand still."""

    async def attempt() -> bool:
        return (
            bool(ground.alarms(service, "foreign_member_found"))
            and bool(ground.alarms(service, "partition_unconsumed"))
            and await ground.metric("rahnama_inbox_foreign_members", service) >= 1
            and await ground.metric("rahnama_inbox_unconsumed_partitions", service) >= 1
            and not await ground.ready(service)
        )

    return attempt
