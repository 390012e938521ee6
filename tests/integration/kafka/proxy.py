"""A broker seen through a proxy that can fall silent, hang up and stop reading."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HOST = b"127.0.0.1"
CHUNK_BYTES = 1 << 16


class Proxy:
    """Passes everything on; in the broker's answers its own port stands in place of the broker's."""

    def __init__(self, bootstrap: str) -> None:
        self._host, port = bootstrap.split(":")
        self._port = int(port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"{HOST.decode()}:{self._own_port}"

    @property
    def _own_port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._serve, HOST.decode(), 0)

    async def stop(self) -> None:
        """Hangs up and is gone."""
        assert self._server is not None
        self._server.close()
        self._flows.set()
        self.hang_up()
        async with asyncio.timeout(5):
            while self._writers:  # noqa: ASYNC110 (there is nothing to be told by)
                await asyncio.sleep(0.001)

    def hang_up(self) -> None:
        """Ends every connection; new ones are taken."""
        for writer in list(self._writers):
            writer.close()

    def fall_silent(self) -> None:
        """From now on nothing is read and nothing is answered, but connections are taken."""
        self._flows.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection(self._host, self._port)
            self._writers.add(there_writer)
            try:
                asked = asyncio.create_task(self._pass_on(reader, there_writer, rewritten=False))
                answered = asyncio.create_task(self._pass_on(there_reader, writer, rewritten=True))
                await asyncio.wait({asked, answered}, return_when=asyncio.FIRST_COMPLETED)
                for task in (asked, answered):
                    task.cancel()
                await asyncio.wait({asked, answered})
            finally:
                await _closed(there_writer)
                self._writers.discard(there_writer)
        finally:
            await _closed(writer)
            self._writers.discard(writer)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, rewritten: bool
    ) -> None:
        theirs, ours = (HOST + port.to_bytes(4, "big") for port in (self._port, self._own_port))
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._flows.wait()
                writer.write(data.replace(theirs, ours) if rewritten else data)
                await writer.drain()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def proxied(bootstrap: str) -> AsyncIterator[Proxy]:
    """A proxy before a broker."""
    proxy = Proxy(bootstrap)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
