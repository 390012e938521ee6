"""Kafka's clients: how they are opened and closed, and what of aiokafka is relied on.

`clients.KafkaClients` opens them; `aio_clients.AioKafkaClients` does so in production. Everything else asks for no
more of a client than this, so that a simulation can stand in for it:

- producer: `create_batch()`, the batch's `append(timestamp=, key=, value=, headers=)` and `close()`,
  `await send_batch(batch, topic, partition=)`, which gives a future with an `offset`; `stop()`, which flushes nothing;
- consumer: `assign`, `assignment`, `seek`, `pause`, `resume`, `highwater`, `partitions_for_topic`; awaited:
  `beginning_offsets`, `end_offsets`, `position`, `seek_to_beginning`, `getone`, `getmany`, `commit`, `stop`;
- admin, all awaited: `list_topics`, `describe_topics`, `describe_cluster`, `create_topics`, `delete_records`, `close`.
"""
