-- name: log_rows
-- The next rows of a partition, whatever sequences they have.
select sequence, type, tenant, subject, version, value, hash, causation_id, traceparent from log
where partition = $1 and sequence > $2 order by sequence limit $3

-- name: log_head
-- Where a partition of the log ends, and the hash of the event before a page.
select coalesce((select sequence from log_head where partition = $1), -1) as head,
    (select hash from log where partition = $1 and sequence = $2) as previous

-- name: log_ends
-- What the log holds of each partition, beside the head and the published position that are kept of it.
select partition, ends.sequence as last, ends.events, last.hash as last_hash, last.value as last_value,
    head.partition is not null as has_head, head.sequence, head.hash, head.time,
    published.partition is not null as has_published, published.sequence as published
from (select partition, max(sequence) as sequence, count(*) as events from log group by partition) as ends
full join log_head as head using (partition)
full join log_published as published using (partition)
left join log as last using (partition) where last.sequence is not distinct from ends.sequence or ends.sequence is null
order by partition

-- name: partitions
-- The number of partitions that this database was created with.
select partitions from installation

-- name: columns
-- The columns of a table in their order, with their types and their places in the primary key (null: none).
select a.attname as name, t.typname as type, array_position(k.conkey, a.attnum) as key
from pg_attribute a join pg_type t on t.oid = a.atttypid
left join pg_constraint k on k.conrelid = a.attrelid and k.contype = 'p'
where a.attrelid = ('public.' || quote_ident($1))::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum
