"""The pool of connections to the database, told at each scrape by the semantic conventions' names."""

from typing import Final

from shared.postgres import Pool
from shared.telemetry.metrics import Observed, Values

COUNT: Final = Observed("db.client.connection.count", "{connection}", "Open connections, by state.")
MOST: Final = Observed("db.client.connection.max", "{connection}", "As many connections as may be open.")
IDLE_LEAST: Final = Observed(
    "db.client.connection.idle.min", "{connection}", "As many connections as are opened at the start."
)


class PoolGauges:
    """Of one pool, by the name of its database."""

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool = pool
        self._labels = {"db.client.connection.pool.name": name}

    def start(self) -> None:
        """Tells from now on."""
        COUNT.watch(self.count)
        MOST.watch(self.most)
        IDLE_LEAST.watch(self.idle_least)

    def stop(self) -> None:
        """Tells no more."""
        COUNT.forget(self.count)
        MOST.forget(self.most)
        IDLE_LEAST.forget(self.idle_least)

    def count(self) -> Values:
        """Idle connections, and those that are in use."""
        idle = self._pool.get_idle_size()
        used = self._pool.get_size() - idle
        state = "db.client.connection.state"
        return [(idle, {**self._labels, state: "idle"}), (used, {**self._labels, state: "used"})]

    def most(self) -> Values:
        """The pool's size."""
        return [(self._pool.get_max_size(), self._labels)]

    def idle_least(self) -> Values:
        """What the pool opens at once."""
        return [(self._pool.get_min_size(), self._labels)]
