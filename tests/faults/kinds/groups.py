"""What belongs to a consumer is taken from it: its group by a foreign client, and the topic that intake reads."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from shared.kafka.closing_clients import Consumer
from tests.faults.fault_context import FaultContext
from tests.faults.kinds.alarms import require
from tests.faults.proxied_system import PARTITIONS
from tests.invariants.reading import admin_of

GROUPS: Final = {"intake": ("inbound",), "allocation": ("intake",), "audit": ("intake", "allocation")}
INBOUND: Final = "rahnama.inbound"


async def the_theft_of_a_group(context: FaultContext) -> None:
    """A foreign client joins the group of a service under load and applies nothing. It leaves after the alarm."""
    service = context.draw.choice(sorted(GROUPS))
    await context.underway()
    thief = Consumer(
        *(context.servers.topic(name) for name in GROUPS[service]),
        bootstrap_servers=context.servers.bootstrap, group_id=f"rahnama.{service}", enable_auto_commit=False,
        session_timeout_ms=6000, metadata_max_age_ms=2000,
    )  # fmt: skip
    await thief.start()
    try:
        await require(_holding(thief), f"the foreign member of rahnama.{service} was given no partition")
        context.do(
            f"a foreign member takes {len(thief.assignment())} partitions of the group rahnama.{service}"
        )
        context.witness(bool(thief.assignment()), f"the foreign member held nothing of rahnama.{service}")
        began = time.monotonic()
        await require(_told_of_theft(context, service), f"{service} gave no alarm for the theft")
        context.notes.append(f"{service} gave its alarm after {time.monotonic() - began:.1f} s")
    finally:
        await thief.stop()
    await context.proxied.wait_until_ready()


async def rahnama_inbound_is_deleted(context: FaultContext) -> None:
    """Busy or idle, and nobody but intake creates it again. What was not applied is sent again by upstream."""
    if busy := context.draw.random() < 0.5:
        await context.underway()
    else:
        await context.idle()
    context.do(f"delete {'busy' if busy else 'idle'} {INBOUND}")
    context.environment.inbound_made_anew += 1
    async with admin_of(context.servers.bootstrap) as admin:
        await admin.delete_topics([INBOUND])

        async def recreated() -> bool:
            found = [topic for topic in await admin.describe_topics() if topic["topic"] == INBOUND]
            return bool(
                found
                and len(found[0]["partitions"]) == PARTITIONS
                and context.alarms("intake", "topic_missing")
                and context.alarms("intake", "topic_recreated")
                and await context.metric("rahnama_inbox_topics_recreated_total", "intake") >= 1
            )

        await require(recreated, f"intake did not create {INBOUND} again, with an alarm")
        context.witness(bool(context.alarms("intake", "topic_recreated")), f"{INBOUND} was not deleted")
    await context.proxied.wait_until_ready()
    await context.more(10)
    for lane in context.lanes:
        context.senders.sent.forget_order(step.event for step in lane)


def _holding(thief: Consumer) -> Callable[[], Awaitable[bool]]:
    async def attempt() -> bool:
        return bool(thief.assignment())

    return attempt


def _told_of_theft(context: FaultContext, service: str) -> Callable[[], Awaitable[bool]]:
    """Logged, counted, and not ready: some partitions stand still."""

    async def attempt() -> bool:
        return (
            bool(context.alarms(service, "foreign_member_found"))
            and bool(context.alarms(service, "partition_unconsumed"))
            and await context.metric("rahnama_inbox_foreign_members", service) >= 1
            and await context.metric("rahnama_inbox_unconsumed_partitions", service) >= 1
            and not await context.ready(service)
        )

    return attempt
