-- name: beat
-- Tries for every partition that this session does not lead yet, and tells where the log and its copy stand.
select log_head.partition, log_head.sequence as head, log_published.sequence as published,
    case when log_head.partition = any($2::smallint[]) then null
         else pg_try_advisory_lock($1, log_head.partition::int) end as won
from log_head join log_published using (partition)
order by log_head.partition

-- name: save_published
-- Keeps how far this session's partitions were acknowledged; a refill sets them back.
update log_published set sequence = new.sequence
from unnest($1::smallint[], $2::bigint[]) as new (partition, sequence)
where log_published.partition = new.partition and log_published.sequence <> new.sequence

-- name: read_unsent
-- The next events of a partition, at most $3 of them and hardly more than $4 bytes, never none.
select partition, sequence, type, tenant, subject, version, value, hash, traceparent
from (
    select *, sum(length(value)) over (order by sequence) - length(value) as bytes_before
    from (
        select * from log where partition = $1 and sequence > $2 order by sequence limit $3
    ) as following
) as measured
where bytes_before < $4
order by sequence

-- name: heads
-- Where each partition of the log ends, and how far it was published.
select partition, log_head.sequence as head, log_published.sequence as published
from log_head join log_published using (partition)

-- name: hashes
-- What the log holds at the places that the topic showed.
select partition, sequence, hash
from log join unnest($1::smallint[], $2::bigint[]) as seen (partition, sequence) using (partition, sequence)
