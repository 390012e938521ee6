"""One Apache Kafka node (KRaft, broker and controller in one) in a folder of its own."""

import asyncio
import base64
import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import PartFailedError
from infra.local.home import KAFKA_FILES, Home
from infra.local.jars import ensure_jars, find_java
from infra.local.managed_process import ManagedProcess
from infra.local.ports import LOOPBACK, accepts, free_ports, require_free
from infra.local.process import Child, inherited_environment, run_to_end, spawn
from shared.kafka.closing_clients import Admin

_log = logging.getLogger("rahnama.local")

_FORMAT_SECONDS = 60
_READY_SECONDS = 60
_JVM = (
    "-Xms256m", "-Xmx256m", "-Xss512k", "-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=128m",
    "-XX:ReservedCodeCacheSize=48m", "-XX:MaxDirectMemorySize=64m", "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
)  # fmt: skip
_TOUCH_HEAP = "-XX:+AlwaysPreTouch"
"""At the start of the node: page by page, as garbage fills it, Kafka would seem to grow for an hour."""

# Records that were deleted come back if the broker is killed before it has noted it: within a second, not a minute.
# A killed broker is let in again when its old session has ended: with 3 s it is back in 5 s, with the usual 9 s in 12.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}{more_listeners}
advertised.listeners=PLAINTEXT://{host}:{port}{more_advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT{more_protocols}
controller.quorum.bootstrap.servers={host}:{controller_port}
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=2
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=8388608
log.flush.start.offset.checkpoint.interval.ms=1000
log.initial.task.delay.ms=1000
"""


@dataclass(frozen=True)
class Listener:
    """One more port of the node. Whoever connects there is told to come back to `advertised_port`: a proxy's."""

    name: str
    port: int
    advertised_port: int


class KafkaServer(ManagedProcess):
    """Starts, watches and stops one node. The data in `folder` is kept; `port` is where clients connect."""

    def __init__(
        self,
        home: Home,
        folder: Path,
        port: int,
        port_setting: str | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        """`port_setting` is the variable that a user would set to move a taken port."""
        super().__init__("kafka")
        self._home = home
        self._folder = folder
        self.port = port
        self._port_setting = port_setting
        self._listeners = listeners

    @property
    def bootstrap(self) -> str:
        """What a client's `bootstrap_servers` takes."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        """Standard output and error of the node."""
        return self._folder / "kafka.log"

    async def start(self) -> None:
        """Returns when the node answers a metadata request; a started node that never does is stopped again."""
        require_free(self.port, "Kafka", self._port_setting)
        java = find_java()
        libs = await ensure_jars(self._home)
        self._folder.mkdir(parents=True, exist_ok=True)
        properties = self._write_properties()
        command = [
            java,
            *_JVM,
            f"-Dlog4j2.configurationFile={KAFKA_FILES / 'log4j2.xml'}",
            "-cp",
            f"{libs}/*",
        ]
        await self._format_once(command, properties)
        environment = {**inherited_environment("JAVA_HOME"), **self.added_environment}
        child = spawn(
            "kafka",
            [*command, _TOUCH_HEAP, "kafka.Kafka", properties],
            environment=environment,
            log=self.log,
        )
        await self._adopt(child, self._wait_until_ready)

    def _write_properties(self) -> Path:
        """The controller's port is nobody's business, so each start takes a free one."""
        [controller_port] = free_ports(1)
        text = _PROPERTIES.format(
            host=LOOPBACK,
            port=self.port,
            controller_port=controller_port,
            data=self._folder / "data",
            more_listeners="".join(f",{more.name}://{LOOPBACK}:{more.port}" for more in self._listeners),
            more_advertised="".join(
                f",{more.name}://{LOOPBACK}:{more.advertised_port}" for more in self._listeners
            ),
            more_protocols="".join(f",{more.name}:PLAINTEXT" for more in self._listeners),
        )
        path = self._folder / "server.properties"
        path.write_text(text)
        return path

    async def _format_once(self, command: list[str], properties: Path) -> None:
        if (self._folder / "data" / "meta.properties").exists():
            return
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        storage_tool = [
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            f"--cluster-id={cluster_id}",
            "-c",
        ]
        await run_to_end(
            "kafka format",
            [*command, *storage_tool, properties],
            environment=inherited_environment("JAVA_HOME"),
            log=self.log,
            seconds=_FORMAT_SECONDS,
        )

    async def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if not child.running:
                raise child.failed("ended while it started")
            if accepts(self.port) and await answers(self.bootstrap):
                return
            await asyncio.sleep(0.1)
        raise child.failed(f"was not ready within {_READY_SECONDS} s")


async def answers(bootstrap: str) -> bool:
    """True if the broker at `bootstrap` names itself in a metadata answer within 5 s."""
    logger = logging.getLogger("aiokafka")
    level = logger.level
    logger.setLevel(
        logging.CRITICAL
    )  # a broker that is still starting is expected here, not an error to print
    admin = Admin(bootstrap_servers=bootstrap, request_timeout_ms=3000)
    try:
        async with asyncio.timeout(5):
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
    except Exception as error:  # whatever it is, the broker does not answer yet
        _log.debug("broker at %s did not answer: %r", bootstrap, error)
        return False
    finally:
        await admin.close()
        logger.setLevel(level)


async def require_answer(bootstrap: str) -> None:
    """Raises PartFailedError if nothing answers there; for a broker that somebody else runs."""
    if not await answers(bootstrap):
        raise PartFailedError("kafka", f"no broker answers at {bootstrap}")
