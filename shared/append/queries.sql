-- name: lock_heads
-- The heads of the partitions that will be written, locked in the order of their numbers.
select partition, sequence, hash, time from log_head
where partition = any($1::smallint[]) order by partition for update

-- name: move_heads
-- The heads after the append; every relay is told of it when the transaction commits.
with moved as (
    update log_head set sequence = new.sequence, hash = new.hash, time = new.time
    from unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::text[]) as new (partition, sequence, hash, time)
    where log_head.partition = new.partition
)
select pg_notify('log', '')

-- name: heads
-- Where each partition of the log ends.
select partition, sequence, hash from log_head order by partition

-- name: read
-- The events of a partition after a sequence, for the relay and for replays.
select partition, sequence, type, tenant, subject, version, value, hash, traceparent from log
where partition = $1 and sequence > $2 order by sequence limit $3

-- name: hash_at
-- The hash of one event.
select hash from log where partition = $1 and sequence = $2

-- name: partitions
-- The number of partitions that this database was created with.
select partitions from installation
