"""A full disk: the data of Postgres or Kafka on a small tmpfs, filled to the last page under load, and freed again."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Final

from tests.faults.fault_context import DidNotHappen, FaultContext

MIB: Final = 1024 * 1024
SPARE_BYTES: Final = {"postgres": 96 * MIB, "kafka": 64 * MIB}
"""How much the server may write before the disk is filled on purpose."""
FULL: Final = b"No space left on device"
FULL_SECONDS: Final = 20.0
STEP_SECONDS: Final = 0.1
MOUNT_SECONDS: Final = 20.0
START_SECONDS: Final = 60.0
STOPS: Final = {"postgres": signal.SIGINT, "kafka": signal.SIGTERM}


async def the_disk_under_postgres_is_full(context: FaultContext) -> None:
    """Writes fail, or the server ends for want of room for its WAL; it is started again when there is room."""
    await _fill(context, "postgres")


async def the_disk_under_kafka_is_full(context: FaultContext) -> None:
    """The broker gives its only log directory up and ends; it is started again when there is room."""
    await _fill(context, "kafka")


async def _fill(context: FaultContext, server: str) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise DidNotHappen("a small file system needs root and mount")
    data = context.proxied.folder / server / "data"
    small = await _mount_tmpfs(data, SPARE_BYTES[server])
    await context.proxied.kill(server, STOPS[server])
    await _call("cp", "-a", f"{data}/.", f"{small}/")
    data.rename(_kept(data))
    data.symlink_to(small)
    try:
        await context.proxied.start(server)
        async with context.under_load():
            await context.pause(0.3, 1.0)
            await context.in_use()
            await _fill_and_free(context, server)
            await _start_if_ended(context, server)
    finally:
        if context.proxied.system.parts[server].running:
            await context.proxied.kill(server, STOPS[server])
        await _move_back(data, small)
    await context.proxied.start(server)


async def _fill_and_free(context: FaultContext, server: str) -> None:
    log, filler = (
        context.proxied.folder / server / f"{server}.log",
        context.proxied.folder / server / "data" / "filler",
    )
    printed = log.stat().st_size
    context.do(f"fill the disk under {server}")
    context.proxied.may_die(server)
    try:
        await asyncio.to_thread(_write_until_full, filler)
        full = await _is_met(log, printed, filler)
        context.witness(full, f"{server} wrote nothing while its disk was full")
        await context.pause(0.5, 3.0)
    finally:
        filler.unlink()


def _write_until_full(filler: Path) -> None:
    """In pieces, so that the last page is gone too."""
    with filler.open("ab", buffering=0) as file:
        for size in (MIB, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


async def _is_met(log: Path, printed: int, filler: Path) -> bool:
    """Whether the server failed to write. What it frees meanwhile, as old segments, is filled again."""
    for _ in range(int(FULL_SECONDS / STEP_SECONDS)):
        if FULL in log.read_bytes()[printed:]:
            return True
        await asyncio.to_thread(_write_until_full, filler)
        await asyncio.sleep(STEP_SECONDS)
    return False


async def _start_if_ended(context: FaultContext, server: str) -> None:
    """As a supervisor does."""
    part = context.proxied.system.parts[server]
    ended = part.child is not None and await part.child.wait(1.0)
    context.notes.append(
        f"{server} {'ended and was started again' if ended else 'went on'} when its disk was full"
    )
    if ended:
        async with asyncio.timeout(START_SECONDS):
            await context.proxied.kill(server)
            await context.proxied.start(server)


async def _mount_tmpfs(data: Path, spare: int) -> Path:
    """One for the data that there is, and `spare` bytes more."""
    small = data.with_name("data.small")
    small.mkdir(mode=0o700)
    used = sum(file.stat().st_blocks * 512 for file in data.rglob("*") if file.is_file())
    try:
        await _call("mount", "-t", "tmpfs", "-o", f"size={used + spare},mode=0700", "tmpfs", str(small))
    except DidNotHappen:
        small.rmdir()
        raise
    return small


async def _move_back(data: Path, small: Path) -> None:
    """What the server has written on the small disk takes the place of what was there before."""
    fresh = data.with_name("data.fresh")
    await _call("cp", "-a", str(small), str(fresh))
    data.unlink()
    fresh.rename(data)
    shutil.rmtree(_kept(data))
    await _call("umount", str(small))
    small.rmdir()


def _kept(data: Path) -> Path:
    return data.with_name("data.disk")


async def _call(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(MOUNT_SECONDS):
        _, error = await process.communicate()
    if process.returncode:
        raise DidNotHappen(f"{command[0]} failed: {error.decode()[:200]}")
