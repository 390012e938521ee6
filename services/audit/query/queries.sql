-- name: heads
-- The stored end of every (source, partition) that there must be, and the ledger's last sequence, in one snapshot.
select source, partition, coalesce(inbox.sequence, 0) as sequence,
    coalesce(inbox.hash, decode(repeat('00', 32), 'hex')) as hash,
    coalesce(trees.size, 0) as size, coalesce(trees.edge, '') as edge,
    coalesce((select max(ledger.sequence) from ledger
        where ledger.source = place.source and ledger.partition = place.partition), 0) as newest
from (select source, partition::smallint as partition
    from unnest($1::text[]) as source, generate_series(0, $2::integer - 1) as partition) as place
left join trees using (source, partition) left join inbox using (source, partition)
order by source, partition

-- name: installed_partitions
-- The number of partitions that this database was created with.
select partitions from installation

-- name: misplaced
-- The trees and positions that are missing, and those that there must not be, of the configured logs and partitions.
with place as (
    select source, partition::smallint as partition
    from unnest($1::text[]) as source, generate_series(0, $2::integer - 1) as partition
), wanted as (
    select kind, source, partition, true as is_wanted from place, unnest(array['tree', 'position']) as kind
), stored as (
    select 'tree' as kind, source, partition, true as is_stored from trees
    union all select 'position', source, partition, true from inbox
)
select kind, source, partition, is_stored is null as is_missing
from wanted full join stored using (kind, source, partition)
where is_wanted is null or is_stored is null
order by source, partition, kind

-- name: strangers
-- The first ledger row of each (source, partition) that has no tree, found by leaps through the primary key.
with recursive place as (
    (select source, partition, sequence from ledger order by source, partition, sequence limit 1)
    union all
    select next.source, next.partition, next.sequence from place, lateral (
        select source, partition, sequence from ledger
        where (source, partition) > (place.source, place.partition)
        order by source, partition, sequence limit 1) as next
)
select source, partition, sequence from place
where not exists (select from trees where trees.source = place.source and trees.partition = place.partition)
order by source, partition

-- name: walk
-- The next rows of one chain, with the columns that repeat what stands in the event.
select sequence, value, hash, type, tenant, subject, time from ledger
where source = $1 and partition = $2 and sequence > $3 and sequence <= $4
order by sequence limit $5

-- name: hashes
-- The hashes of some records of one chain.
select sequence, hash from ledger where source = $1 and partition = $2 and sequence = any($3::bigint[])

-- name: kept
-- What the ledger holds of some records of one chain, to be compared with its log.
select sequence, hash, traceparent from ledger
where source = $1 and partition = $2 and sequence > $3 and sequence <= $4

-- name: trees
-- Every tree, by size: the order and the bounds in which records are listed.
select source, partition, size from trees order by source, partition

-- name: records
-- Records of one chain between two sequences; of one type and tenant if given.
select source, partition, sequence, tenant, hash, value, traceparent, topic, kafka_offset, recorded_at
from ledger
where source = $1 and partition = $2 and sequence > $3 and sequence <= $4
    and ($5::text is null or (type = $5 and tenant = $6))
order by sequence limit $7

-- name: record
-- One record.
select source, partition, sequence, tenant, hash, value, traceparent, topic, kafka_offset, recorded_at
from ledger where source = $1 and partition = $2 and sequence = $3

-- name: records_of_subject
-- Records of one tenant's subject, after a place. They are few: they are found first, then put in order.
with found as materialized (
    select source, partition, sequence, tenant, hash, value, traceparent, topic, kafka_offset, recorded_at, type
    from ledger where subject = $1 and tenant = $2
)
select source, partition, sequence, tenant, hash, value, traceparent, topic, kafka_offset, recorded_at
from found
where (source, partition, sequence) > ($3::text, $4::smallint, $5::bigint)
    and ($6::text is null or type = $6)
    and ($7::text is null or source = $7) and ($8::smallint is null or partition = $8)
    and sequence >= $9 and sequence <= $10
order by source, partition, sequence limit $11

-- name: applied
-- How far one chain was kept.
select sequence from inbox where source = $1 and partition = $2
