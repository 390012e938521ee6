"""The connections of one client: every one is closed in the end, whatever is cancelled meanwhile.

Read in aiokafka 0.14, and mended here. Its client forgets connections: `bootstrap` the first one, when it is
cancelled before the brokers are known, and `close` those that another task opens meanwhile. The collector then finds
an open socket, at some time, in somebody else's code. And its `close` waits for ever for a broker that takes nothing
any more.
"""

import asyncio
from typing import Any, Final

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import BrokerMetadata

CLOSE_SECONDS: Final = 1.0
FIRST_NODE: Final = ("bootstrap", ConnectionGroup.DEFAULT)
"""aiokafka's own name: its `_metadata_update` closes this node's connection as soon as the brokers are known."""


class Connections(dict[Any, AIOKafkaConnection]):
    """Those of one client by node; after the end, what still comes is closed."""

    ended = False

    def __setitem__(self, node: Any, connection: AIOKafkaConnection) -> None:
        super().__setitem__(node, connection)
        if self.ended:
            connection.close()


class OwningClient(AIOKafkaClient):
    """aiokafka's client, which closes what it opened. Its clients build theirs themselves: see `owning`."""

    _conns: Connections

    async def bootstrap(self) -> None:
        """As aiokafka's, but the first connection is opened as all others are, and so kept to be closed."""
        for host, port, _ in self.hosts:
            name, _ = FIRST_NODE
            self.cluster._brokers = {name: BrokerMetadata(name, host, port, None)}
            if await self._metadata_update(self.cluster, None):
                self._sync_task = asyncio.create_task(self._md_synchronizer())
                return
            if FIRST_NODE in self._conns:
                self._conns.pop(FIRST_NODE).close()
        raise KafkaConnectionError(f"Unable to bootstrap from {self.hosts}")

    async def close(self) -> None:
        """Closes every connection before it first waits; what a broker does not take in a second is thrown away."""
        self._conns.ended = True
        writers = [connection._writer for connection in self._conns.values()]
        ends = [connection.close() for connection in self._conns.values()]
        if self._sync_task is not None:
            self._sync_task.cancel()
            ends.append(self._sync_task)
        try:
            if ends:
                await asyncio.wait(ends, timeout=CLOSE_SECONDS)
        finally:
            for writer in writers:
                if writer is not None:
                    writer.transport.abort()
        await asyncio.sleep(0)  # the loop lets go of the sockets in its next round


def owning(client: AIOKafkaClient) -> None:
    """Makes an `OwningClient` of a client that has opened nothing yet."""
    client.__class__ = OwningClient
    client._conns = Connections()
