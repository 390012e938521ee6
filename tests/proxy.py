"""A TCP proxy before a server, whose links can be cut, held up and delayed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from infra.local.ports import LOOPBACK, free_ports

CHUNK_BYTES: Final = 16 * 1024


class Proxy:
    """Listens on `port` from `start` on. Nothing is passed before `target` (a port) is set.

    With `announced` its own port stands in place of the target's in what the server answers: a Kafka broker tells its
    clients where to connect.
    """

    def __init__(self, name: str, *, announced: bool = False) -> None:
        self.name = name
        self._announced = announced
        [self.port] = free_ports(1)
        self.target: int | None = None
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], int] = {}
        """Open links, and how many bytes each has carried."""
        self.refused = 0
        """Links that were not let in."""
        self.disturbed = 0
        """Pieces of messages that were held up or delayed, and messages that were cut in their middle."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = False
        self._delay_seconds = 0.0
        self._bytes_left: int | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Begins to listen."""
        self._server = await asyncio.start_server(self._link, LOOPBACK, self.port)

    async def stop(self) -> None:
        """Ends every link."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._links, return_exceptions=True)

    def cut(self) -> int:
        """Every link breaks at once, in the middle of whatever it carries; new ones may come.

        Returns how many there were that had carried anything.
        """
        for link in self._links:
            link.cancel()
        return sum(1 for carried in self._links.values() if carried)

    def refuse(self) -> int:
        """As `cut`, and no new link either, until `heal`."""
        self._refusing = True
        return self.cut()

    def cut_after(self, count: int) -> None:
        """Each link breaks when so many more bytes, counted over all of them, have passed; until `heal`."""
        self._bytes_left = count

    def hold_up(self) -> None:
        """Nothing passes, and nobody is told, until `heal`."""
        self._flowing.clear()

    def delay(self, seconds: float) -> None:
        """Every piece comes so much later, until `heal`."""
        self._delay_seconds = seconds

    def heal(self) -> None:
        """All passes again."""
        self._refusing, self._delay_seconds, self._bytes_left = False, 0.0, None
        self._flowing.set()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links[task] = 0
        try:
            if self._refusing or self.target is None:
                self.refused += 1
                return
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self.target)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(task, reader, far_writer))
                    group.create_task(self._pass(task, far_reader, writer, answers=True))
            finally:
                far_writer.transport.abort()
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass  # a link that breaks is what this is for
        finally:
            writer.transport.abort()
            self._links.pop(task, None)

    async def _pass(
        self,
        link: asyncio.Task[None],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answers: bool = False,
    ) -> None:
        assert self.target is not None
        theirs, ours = (LOOPBACK.encode() + port.to_bytes(4, "big") for port in (self.target, self.port))
        while chunk := await reader.read(CHUNK_BYTES):
            self.disturbed += bool(self._delay_seconds) or not self._flowing.is_set()
            if self._delay_seconds:
                await asyncio.sleep(self._delay_seconds)
            await self._flowing.wait()
            if answers and self._announced:
                chunk = chunk.replace(theirs, ours)
            if self._bytes_left is not None:
                self._bytes_left -= len(chunk)
                if self._bytes_left < 0:
                    self._bytes_left = None
                    self.disturbed += 1
                    writer.write(chunk[: len(chunk) // 2])
                    with contextlib.suppress(OSError):
                        await writer.drain()
                    self.cut()
                    raise ConnectionResetError("cut in the middle of a message")
            writer.write(chunk)
            self._links[link] = self._links.get(link, 0) + len(chunk)
            await writer.drain()
        raise ConnectionResetError("one side has ended")


@asynccontextmanager
async def proxied(bootstrap: str) -> AsyncIterator[Proxy]:
    """A proxy before the broker at `bootstrap`."""
    proxy = Proxy(f"client - {bootstrap}", announced=True)
    proxy.target = int(bootstrap.rpartition(":")[2])
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
