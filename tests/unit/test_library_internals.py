"""What is used of libraries' internals is as it was read; another version of one fails here, and not in production.

ADR 14 gives the reason for each. A new version: read these places again, then change the version here.
"""

import inspect
from importlib.metadata import version
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator, NoGroupCoordinator
from aiokafka.producer.sender import Sender
from aiokafka.record.default_records import _DefaultRecordBatchPy
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

READ: Final = {"aiokafka": "0.14.0", "faststream": "0.7.8", "uvicorn": "0.54.0"}

USED: Final[list[tuple[Any, tuple[str, ...]]]] = [
    (AIOKafkaProducer.__init__, ("_closed", "_sender", "client")),
    (AIOKafkaConsumer.__init__, ("_client", "_coordinator", "_fetcher", "_closed")),
    (AIOKafkaAdminClient.__init__, ("_client", "_closed")),
    (AIOKafkaClient, ("_conns", "_sync_task", "_md_synchronizer", "_metadata_update", "cluster", "hosts")),
    (ClusterMetadata, ("_brokers",)),
    (AIOKafkaConnection, ("_writer",)),
    (Sender, ("sender_task",)),
    (GroupCoordinator, ("_coordination_task", "_heartbeat_task", "_commit_refresh_task")),
    (NoGroupCoordinator, ("_reset_committed_task",)),
    (Fetcher, ("_fetch_task",)),
    (_DefaultRecordBatchPy, ("_maybe_uncompress", "_buffer", "_read_msg")),
    (KafkaBroker, ("broker_config", "builder")),
    (BatchSubscriber, ("get_msg",)),
    (HttpToolsProtocol, ("parser", "cycle", "pipeline", "flow", "transport")),
]
"""By the library's code, the names in it that the project uses although nothing promises them."""


@pytest.mark.parametrize("library", READ)
def test_the_versions_are_those_that_were_read(library: str) -> None:
    assert version(library) == READ[library]


@pytest.mark.parametrize(("place", "names"), USED, ids=lambda value: getattr(value, "__qualname__", ""))
def test_what_is_used_is_there(place: Any, names: tuple[str, ...]) -> None:
    source = inspect.getsource(place)
    missing = [name for name in names if name not in source]
    assert not missing


def test_a_fetch_takes_its_records_apart_by_the_name_that_is_replaced() -> None:
    assert "MemoryRecords(" in inspect.getsource(fetcher)
    assert "MemoryRecords" in vars(fetcher)


def test_a_broker_builds_its_consumers_by_what_is_replaced() -> None:
    broker = KafkaBroker("127.0.0.1:9", consumer_only=True)
    assert hasattr(broker.config.broker_config, "builder")
    subscriber = broker.subscriber("topic", batch=True, group_id="group")
    assert isinstance(subscriber, BatchSubscriber)
    assert list(inspect.signature(type(subscriber).get_msg).parameters) == ["self", "consumer"]
